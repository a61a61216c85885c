import { Alert, Button, EmptyState, EmptyStateBody } from '@patternfly/react-core'
import type { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { useTexts } from '../text/text.ts'
import type { Link } from './reconnect.ts'

/** Whether a machine has a console now. */
export function isOn({ status }: VirtualMachine): boolean {
  return status?.printableStatus === 'Running' || status?.printableStatus === 'Paused'
}

/** Why a console shows nothing. */
export function ConsoleState({ on, link, onAgain }: { on: boolean; link: Link; onAgain: () => void }) {
  const texts = useTexts()
  if (!on)
    return (
      <EmptyState titleText={texts.t('consoleOff')} headingLevel="h2" variant="sm">
        <EmptyStateBody>{texts.t('consoleOffHelp')}</EmptyStateBody>
      </EmptyState>
    )
  if (link === 'connected') return null
  return (
    <Alert
      isInline
      variant="info"
      title={texts.t(link === 'lost' ? 'consoleLost' : 'consoleConnecting')}
      actionLinks={
        link === 'lost' ? (
          <Button variant="link" isInline onClick={onAgain}>
            {texts.t('reconnect')}
          </Button>
        ) : undefined
      }
    />
  )
}
