import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { parseBytes } from '@thresher/api/quantity'
import { VolumeSnapshot } from '@thresher/api/snapshot/volume-snapshot'
import { hrefOf } from '../app/route.ts'
import { StateLabel, bytesColumn } from '../page/columns.tsx'
import { declaredAction } from '../page/declared-action.ts'
import { definePage } from '../page/page.ts'

const stateOf = ({ status }: VolumeSnapshot) =>
  status?.readyToUse ? 'Ready' : status?.error?.message ? 'Failed' : 'InProgress'
const tones = { Ready: 'success', Failed: 'danger', InProgress: 'info' } as const

export const volumeSnapshots = definePage<VolumeSnapshot>({
  kind: VolumeSnapshot,
  help: 'volumeSnapshotsHelp',
  command: './thresher snapshot create before-import --volume data',
  columns: [
    {
      id: 'state',
      title: 'status',
      value: stateOf,
      cell: (snapshot, { texts }) => {
        const state = stateOf(snapshot)
        return <StateLabel state={state} tone={tones[state]} texts={texts} why={snapshot.status?.error?.message} />
      },
    },
    {
      id: 'volume',
      title: 'volume',
      value: ({ spec }) => spec.source.persistentVolumeClaimName,
      cell: ({ metadata, spec }) => {
        const { persistentVolumeClaimName: name } = spec.source
        return name ? <a href={hrefOf(['volumes', metadata.namespace, name])}>{name}</a> : '—'
      },
    },
    bytesColumn('size', 'size', ({ status }) =>
      status?.restoreSize === undefined ? undefined : parseBytes(status.restoreSize),
    ),
  ],
  actions: [
    declaredAction(VolumeSnapshot, 'restore', 'restoreVolume', {
      right: { verb: 'create', group: '', resource: 'persistentvolumeclaims' },
      confirm: 'restoreVolumeConfirm',
      ask: { label: 'name', value: ({ metadata }) => `${metadata.name}-restored` },
    }),
  ],
  draft: (namespace) => ({ metadata: { name: '', namespace }, spec: { source: { persistentVolumeClaimName: '' } } }),
  fields: [
    { path: 'metadata.name', label: 'name', type: 'text', required: true },
    {
      path: 'spec.source.persistentVolumeClaimName',
      label: 'volume',
      type: 'select',
      required: true,
      reference: PersistentVolumeClaim,
      nameOnly: true,
    },
  ],
})
