import { lazy } from 'react'
import type { ActionCall } from '@thresher/api/kind'
import type { KubeObject } from '@thresher/api/meta'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { keyOf } from '@thresher/client/paths'
import type { Connection } from '../live/connection.ts'
import { hrefOf } from '../app/route.ts'
import { addressOf, cpusOf, memoryOf, toneOf } from '../machines/facts.ts'
import { StateLabel, bytesColumn, textColumn } from '../page/columns.tsx'
import { conditionMessage } from '../page/condition.ts'
import { definePage, type Action, type Tools } from '../page/page.ts'
import type { TextKey } from '../text/text.ts'

const CreateMachine = lazy(() =>
  import('../machines/create-machine.tsx').then((file) => ({ default: file.CreateMachine })),
)
const MachineSummary = lazy(() => import('../machines/summary.tsx').then((file) => ({ default: file.MachineSummary })))
const MachineButtons = lazy(() => import('../machines/summary.tsx').then((file) => ({ default: file.MachineButtons })))
const Screen = lazy(() => import('../consoles/screen.tsx').then((file) => ({ default: file.Screen })))
const Serial = lazy(() => import('../consoles/serial.tsx').then((file) => ({ default: file.Serial })))
const MachineUsage = lazy(() => import('../machines/usage.tsx').then((file) => ({ default: file.MachineUsage })))
const Devices = lazy(() => import('../machines/devices.tsx').then((file) => ({ default: file.Devices })))

const subresources = 'subresources.kubevirt.io'
const instanceOf = (machine: KubeObject, tools: Tools) =>
  tools.find<VirtualMachineInstance>(VirtualMachineInstance, keyOf(machine))

/** An action that the kind itself declares: when it is offered and which calls it is. */
function declared(
  name: string,
  title: TextKey,
  right: Pick<Action['right'], 'resource'> & Partial<Action['right']>,
  more: Partial<Action<VirtualMachine>> = {},
): Action<VirtualMachine> {
  const action = VirtualMachine.actions?.find((one) => one.name === name) as
    | {
        offered?(machine: VirtualMachine): boolean
        calls?(machine: VirtualMachine, input: Record<string, unknown>): ActionCall[]
      }
    | undefined
  return {
    id: name,
    title,
    right: { verb: 'update', group: subresources, ...right },
    offered: (machine) => !machine.metadata.deletionTimestamp && (action?.offered?.(machine) ?? true),
    async run(machine, { transport }: Connection, input = '') {
      for (const call of action?.calls?.(machine, { targetVm: input, name: input }) ?? []) await transport.request(call)
    },
    ...more,
  }
}

export const machines = definePage<VirtualMachine>({
  kind: VirtualMachine,
  help: 'machinesHelp',
  command: './thresher vm create web --image debian --memory 2Gi --wait',
  related: [VirtualMachineInstance],
  columns: [
    {
      id: 'state',
      title: 'status',
      share: 1.3,
      value: ({ status }) => status?.printableStatus,
      cell: (machine, { texts }) => {
        const state = machine.status?.printableStatus ?? 'Unknown'
        const why = toneOf(state) === 'danger' ? conditionMessage(machine) : undefined
        return <StateLabel state={state} tone={toneOf(state)} texts={texts} why={why} />
      },
    },
    textColumn('cpus', 'cpus', cpusOf, true, 0.6),
    bytesColumn('memory', 'memory', memoryOf, true),
    { id: 'address', title: 'address', value: (machine, tools) => addressOf(instanceOf(machine, tools)) },
    {
      id: 'node',
      title: 'host',
      wide: true,
      value: (machine, tools) => instanceOf(machine, tools)?.status?.nodeName,
      cell: (machine, tools) => {
        const node = instanceOf(machine, tools)?.status?.nodeName
        return node ? <a href={hrefOf(['hosts', node])}>{node}</a> : '—'
      },
    },
  ],
  actions: [
    declared('start', 'start', { resource: 'virtualmachines/start' }),
    declared('stop', 'stop', { resource: 'virtualmachines/stop' }, { confirm: 'stopConfirm' }),
    declared('restart', 'restart', { resource: 'virtualmachines/restart' }, { confirm: 'restartConfirm' }),
    declared('softreboot', 'softReboot', { resource: 'virtualmachineinstances/softreboot' }),
    declared('pause', 'pause', { resource: 'virtualmachineinstances/pause' }),
    declared('unpause', 'unpause', { resource: 'virtualmachineinstances/unpause' }),
    declared(
      'forceStop',
      'forceStop',
      { resource: 'virtualmachines/stop' },
      { confirm: 'forceStopConfirm', danger: true },
    ),
    declared(
      'clone',
      'clone',
      { resource: 'virtualmachines', group: 'kubevirt.io', verb: 'create' },
      {
        confirm: 'cloneConfirm',
        ask: { label: 'name', value: ({ metadata }) => `${metadata.name ?? ''}-copy` },
      },
    ),
  ],
  draft: (namespace) =>
    ({
      metadata: { name: '', namespace },
      spec: { template: { spec: { domain: { devices: {} } } } },
    }) as VirtualMachine,
  create: () => <CreateMachine />,
  summary: (machine) => <MachineSummary machine={machine} />,
  buttons: (machine) => <MachineButtons machine={machine} />,
  tabs: [
    { id: 'screen', title: 'screen', render: (machine) => <Screen machine={machine} /> },
    { id: 'serial', title: 'serial', render: (machine) => <Serial machine={machine} /> },
    { id: 'usage', title: 'usage', render: (machine) => <MachineUsage machine={machine} /> },
    { id: 'devices', title: 'devices', render: (machine) => <Devices machine={machine} /> },
  ],
})
