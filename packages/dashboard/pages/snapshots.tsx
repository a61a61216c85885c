import { VirtualMachineBackup } from '@thresher/api/harvester/virtual-machine-backup'
import { VirtualMachineRestore } from '@thresher/api/harvester/virtual-machine-restore'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import type { KubeObject } from '@thresher/api/meta'
import { hrefOf } from '../app/route.ts'
import type { Connection } from '../live/connection.ts'
import { StateLabel, bytesColumn, textColumn } from '../page/columns.tsx'
import { definePage, type Action } from '../page/page.ts'

/** How far a snapshot or backup is. */
export function snapshotState({ status }: VirtualMachineBackup): { state: string; why?: string } {
  if (status?.readyToUse) return { state: 'Ready' }
  const why = status?.error?.message
  return why ? { state: 'Failed', why } : { state: 'InProgress' }
}

const tones = { Ready: 'success', Failed: 'danger', InProgress: 'info' } as const

/** The bytes of all volumes that it holds, as large as they are to the guest. */
export function sizeOf({ status }: VirtualMachineBackup): number | undefined {
  return status?.volumeBackups?.reduce((sum, { volumeSize }) => sum + Number(volumeSize ?? 0), 0)
}

const isReady = (backup: KubeObject) => (backup as VirtualMachineBackup).status?.readyToUse === true
const right = { verb: 'create', group: VirtualMachineRestore.group, resource: VirtualMachineRestore.plural }

function restore(
  backup: VirtualMachineBackup,
  { client }: Connection,
  target: string,
  newVM: boolean,
): Promise<unknown> {
  const { name = '', namespace = '' } = backup.metadata
  return client.resource<VirtualMachineRestore>(VirtualMachineRestore).create({
    metadata: { generateName: `${name}-`, namespace },
    spec: {
      target: { apiGroup: 'kubevirt.io', kind: 'VirtualMachine', name: target },
      virtualMachineBackupName: name,
      virtualMachineBackupNamespace: namespace,
      newVM,
    },
  })
}

/** What can be done with a snapshot or backup. */
export const snapshotActions: Action<VirtualMachineBackup>[] = [
  {
    id: 'restoreNew',
    title: 'restoreNew',
    right,
    offered: isReady,
    confirm: 'restoreNewConfirm',
    ask: { label: 'name', value: ({ spec }) => `${spec.source.name}-restored` },
    run: (backup, connection, name = '') => restore(backup, connection, name, true),
  },
  {
    id: 'restoreHere',
    title: 'restoreHere',
    right,
    danger: true,
    offered: isReady,
    confirm: 'restoreHereConfirm',
    run: (backup, connection) => restore(backup, connection, backup.spec.source.name, false),
  },
]

export const snapshots = definePage<VirtualMachineBackup>({
  kind: VirtualMachineBackup,
  help: 'snapshotsHelp',
  command: './thresher snapshot create monday --vm web',
  related: [VirtualMachine],
  columns: [
    {
      id: 'state',
      title: 'status',
      value: (backup) => snapshotState(backup).state,
      cell: (backup, { texts }) => {
        const { state, why } = snapshotState(backup)
        return <StateLabel state={state} why={why} tone={tones[state as keyof typeof tones]} texts={texts} />
      },
    },
    {
      id: 'type',
      title: 'type',
      value: ({ spec }, { texts }) => texts.t(spec.type === 'snapshot' ? 'typeSnapshot' : 'typeBackup'),
    },
    {
      id: 'machine',
      title: 'machine',
      value: ({ spec }) => spec.source.name,
      cell: ({ metadata, spec }, tools) => {
        const { name } = spec.source
        if (!tools.find(VirtualMachine, `${metadata.namespace}/${name}`)) return name
        return <a href={hrefOf(['machines', metadata.namespace, name], { tab: 'snapshots' })}>{name}</a>
      },
    },
    bytesColumn('size', 'size', sizeOf, true),
    textColumn('error', 'message', ({ status }) => status?.error?.message, true, 1.5),
  ],
  actions: snapshotActions,
  draft: (namespace) => ({
    metadata: { name: '', namespace },
    spec: { type: 'snapshot', source: { apiGroup: 'kubevirt.io', kind: 'VirtualMachine', name: '' } },
  }),
  fields: [
    { path: 'metadata.name', label: 'name', type: 'text', required: true },
    { path: 'spec.source.name', label: 'machine', type: 'text', required: true, help: 'snapshotMachineHelp' },
    {
      path: 'spec.type',
      label: 'type',
      type: 'select',
      required: true,
      help: 'snapshotTypeHelp',
      options: [
        { value: 'snapshot', label: 'Snapshot' },
        { value: 'backup', label: 'Backup' },
      ],
    },
  ],
})
