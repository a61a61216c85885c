import { lazy } from 'react'
import type { KubeObject } from '@thresher/api/meta'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { keyOf } from '@thresher/client/paths'
import { hrefOf } from '../app/route.ts'
import { addressOf, cpusOf, memoryOf, toneOf } from '../machines/facts.ts'
import { StateLabel, bytesColumn, textColumn } from '../page/columns.tsx'
import { conditionMessage } from '../page/condition.ts'
import { declaredAction, type DeclaredOptions } from '../page/declared-action.ts'
import { definePage, type Tools } from '../page/page.ts'
import type { TextKey } from '../text/text.ts'

const CreateMachine = lazy(() =>
  import('../machines/create-machine.tsx').then((file) => ({ default: file.CreateMachine })),
)
const MachineSummary = lazy(() => import('../machines/summary.tsx').then((file) => ({ default: file.MachineSummary })))
const MachineButtons = lazy(() => import('../machines/summary.tsx').then((file) => ({ default: file.MachineButtons })))
const Screen = lazy(() => import('../consoles/screen.tsx').then((file) => ({ default: file.Screen })))
const Serial = lazy(() => import('../consoles/serial.tsx').then((file) => ({ default: file.Serial })))
const MachineUsage = lazy(() => import('../machines/usage.tsx').then((file) => ({ default: file.MachineUsage })))
const Snapshots = lazy(() => import('../machines/snapshots.tsx').then((file) => ({ default: file.Snapshots })))
const Devices = lazy(() => import('../machines/devices.tsx').then((file) => ({ default: file.Devices })))

const subresources = 'subresources.kubevirt.io'
const instanceOf = (machine: KubeObject, tools: Tools) =>
  tools.find<VirtualMachineInstance>(VirtualMachineInstance, keyOf(machine))

const onMachine = (operation: string) => ({ group: subresources, resource: `virtualmachines/${operation}` })
const onInstance = (operation: string) => ({ group: subresources, resource: `virtualmachineinstances/${operation}` })
const patching = { verb: 'patch', resource: 'virtualmachines' }
const creating = (group: string, resource: string) => ({ verb: 'create', group, resource })
const declared = (name: string, title: TextKey, options: DeclaredOptions) =>
  declaredAction(VirtualMachine, name, title, options)
const named = (suffix: string) => ({
  label: 'name' as const,
  value: ({ metadata }: KubeObject) => `${metadata.name ?? ''}-${suffix}`,
})
/** A name of today that sorts by time: `web-0131-1405`. */
const stamped = {
  label: 'name' as const,
  value: ({ metadata }: KubeObject) =>
    `${metadata.name ?? ''}-${new Date().toISOString().slice(5, 16).replace(/[-:]/g, '').replace('T', '-')}`,
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
    declared('start', 'start', { right: onMachine('start') }),
    declared('stop', 'stop', { right: patching, confirm: 'stopConfirm' }),
    declared('restart', 'restart', { right: onMachine('restart'), confirm: 'restartConfirm' }),
    declared('softreboot', 'softReboot', { right: onInstance('softreboot') }),
    declared('pause', 'pause', { right: onInstance('pause') }),
    declared('unpause', 'unpause', { right: onInstance('unpause') }),
    declared('forceStop', 'forceStop', { right: onMachine('stop'), confirm: 'forceStopConfirm', danger: true }),
    declared('snapshot', 'takeSnapshot', {
      right: creating('harvesterhci.io', 'virtualmachinebackups'),
      confirm: 'snapshotConfirm',
      ask: stamped,
    }),
    declared('backup', 'takeBackup', {
      right: creating('harvesterhci.io', 'virtualmachinebackups'),
      confirm: 'backupConfirm',
      ask: stamped,
    }),
    declared('clone', 'clone', {
      right: creating('kubevirt.io', 'virtualmachines'),
      confirm: 'cloneConfirm',
      field: 'targetVm',
      ask: named('copy'),
    }),
    declared('createTemplate', 'makeTemplate', {
      right: creating('harvesterhci.io', 'virtualmachinetemplates'),
      confirm: 'templateConfirm',
      ask: named('template'),
    }),
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
    { id: 'snapshots', title: 'snapshots', render: (machine) => <Snapshots machine={machine} /> },
    { id: 'devices', title: 'devices', render: (machine) => <Devices machine={machine} /> },
  ],
})
