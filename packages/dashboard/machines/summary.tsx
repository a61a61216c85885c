import { useState } from 'react'
import { Button } from '@patternfly/react-core'
import PlayIcon from '@patternfly/react-icons/dist/esm/icons/play-icon'
import PowerIcon from '@patternfly/react-icons/dist/esm/icons/power-off-icon'
import TerminalIcon from '@patternfly/react-icons/dist/esm/icons/terminal-icon'
import type { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { go, hrefOf } from '../app/route.ts'
import { useObject } from '../live/connection.ts'
import { Confirm, useActions, usePerform } from '../page/actions.tsx'
import { StateLabel } from '../page/columns.tsx'
import { conditionMessage } from '../page/condition.ts'
import type { Action } from '../page/page.ts'
import { machines } from '../pages/machines.tsx'
import { useTexts } from '../text/text.ts'
import { addressOf, cpusOf, memoryOf, toneOf } from './facts.ts'

/** What one wants to know of a machine at once. */
export function MachineSummary({ machine }: { machine: VirtualMachine }) {
  const texts = useTexts()
  const { name = '', namespace } = machine.metadata
  const { object: instance } = useObject<VirtualMachineInstance>(VirtualMachineInstance, name, namespace)
  const state = machine.status?.printableStatus ?? 'Unknown'
  const memory = memoryOf(machine)
  const why = toneOf(state) === 'danger' || state === 'Starting' ? conditionMessage(machine) : undefined
  const facts = [
    texts.t('cpusOf', { count: cpusOf(machine) }),
    memory === undefined ? undefined : texts.bytes(memory),
    addressOf(instance),
    instance?.status?.nodeName,
    instance?.status?.guestOSInfo?.prettyName,
  ].filter(Boolean)
  return (
    <div className="th-summary">
      <StateLabel state={state} tone={toneOf(state)} texts={texts} />
      {facts.map((fact) => (
        <span key={fact}>{fact}</span>
      ))}
      {why && <p className="th-summary-why">{why}</p>}
    </div>
  )
}

/** What one wants to do with a machine most. */
export function MachineButtons({ machine }: { machine: VirtualMachine }) {
  const texts = useTexts()
  const actions = useActions(machines)
  const perform = usePerform()
  const [asked, setAsked] = useState<Action>()
  const state = machine.status?.printableStatus
  const offered = (id: string) => actions.find((action) => action.id === id && action.offered?.(machine))
  const start = offered('start')
  const stop = offered('stop')
  const { name, namespace } = machine.metadata
  return (
    <>
      {start && (
        <Button variant="secondary" icon={<PlayIcon />} onClick={() => void perform(start, [machine])}>
          {texts.t('start')}
        </Button>
      )}
      {stop && (
        <Button variant="secondary" icon={<PowerIcon />} onClick={() => setAsked(stop)}>
          {texts.t('stop')}
        </Button>
      )}
      <Button
        variant="secondary"
        icon={<TerminalIcon />}
        isDisabled={state !== 'Running' && state !== 'Paused'}
        onClick={() => go(hrefOf(['machines', namespace, name], { tab: 'serial' }))}
      >
        {texts.t('console')}
      </Button>
      {asked && <Confirm action={asked} objects={[machine]} onClose={() => setAsked(undefined)} />}
    </>
  )
}
