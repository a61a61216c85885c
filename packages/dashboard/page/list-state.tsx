import {
  Bullseye,
  Button,
  ClipboardCopy,
  EmptyState,
  EmptyStateActions,
  EmptyStateBody,
  EmptyStateFooter,
  Skeleton,
} from '@patternfly/react-core'
import CubesIcon from '@patternfly/react-icons/dist/esm/icons/cubes-icon'
import LockIcon from '@patternfly/react-icons/dist/esm/icons/lock-icon'
import { isReason } from '@thresher/api/error'
import { failureOf } from '../app/failure.ts'
import type { Snapshot } from '../live/live-list.ts'
import { useTexts } from '../text/text.ts'
import type { Page } from './page.ts'

/** What stands in place of a list: while it comes, when it is empty, or why it cannot be shown. */
export function ListState(props: { page: Page; snapshot: Snapshot<unknown>; onCreate?: () => void }) {
  const texts = useTexts()
  const { page, snapshot, onCreate } = props
  if (snapshot.error !== undefined && !snapshot.synced) {
    const failure = failureOf(snapshot.error, texts)
    const forbidden = isReason(snapshot.error, 'Forbidden')
    return (
      <EmptyState titleText={failure.title} headingLevel="h2" icon={forbidden ? LockIcon : CubesIcon}>
        <EmptyStateBody>{forbidden ? texts.t('forbiddenHelp') : failure.detail}</EmptyStateBody>
      </EmptyState>
    )
  }
  if (!snapshot.synced)
    return (
      <div className="th-skeleton" aria-busy="true" aria-label={texts.t('loading')}>
        {['90%', '84%', '88%', '80%', '86%', '82%'].map((width) => (
          <Skeleton key={width} width={width} height="1.25rem" screenreaderText={texts.t('loading')} />
        ))}
      </div>
    )
  return (
    <Bullseye>
      <EmptyState titleText={texts.t('emptyTitle')} headingLevel="h2" icon={CubesIcon}>
        <EmptyStateBody>{texts.t(page.help)}</EmptyStateBody>
        <EmptyStateFooter>
          {onCreate && (
            <EmptyStateActions>
              <Button onClick={onCreate}>{texts.t('create')}</Button>
            </EmptyStateActions>
          )}
          <div className="th-command">
            <span>{texts.t('orCommand')}</span>
            <ClipboardCopy
              isReadOnly
              hoverTip={texts.t('copy')}
              clickTip={texts.t('copied')}
              textAriaLabel={texts.t('orCommand')}
            >
              {page.command}
            </ClipboardCopy>
          </div>
        </EmptyStateFooter>
      </EmptyState>
    </Bullseye>
  )
}
