import { Component, type ReactNode } from 'react'
import { Button, EmptyState, EmptyStateActions, EmptyStateBody, EmptyStateFooter } from '@patternfly/react-core'
import type { Texts } from '../text/text.ts'

/** Keeps a failure to one page: a part that could not be fetched, as while the server is away or has been upgraded, or a fault of ours. */
export class FailureBoundary extends Component<{ children: ReactNode; texts: Texts }, { failure?: string }> {
  override state: { failure?: string } = {}

  static getDerivedStateFromError(error: unknown): { failure: string } {
    return { failure: error instanceof Error ? error.message : String(error) }
  }

  override render(): ReactNode {
    const { children, texts } = this.props
    const { failure } = this.state
    if (failure === undefined) return children
    return (
      <EmptyState titleText={texts.t('pageFailed')} headingLevel="h1">
        <EmptyStateBody>{failure}</EmptyStateBody>
        <EmptyStateFooter>
          <EmptyStateActions>
            <Button onClick={() => location.reload()}>{texts.t('reload')}</Button>
          </EmptyStateActions>
        </EmptyStateFooter>
      </EmptyState>
    )
  }
}
