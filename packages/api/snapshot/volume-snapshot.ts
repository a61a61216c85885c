import { age, column } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { flag, object, optional, Quantity, text, time } from '../schema.ts'
import { same } from '../same.ts'

/** The content of a volume at one moment. */
export const VolumeSnapshot = defineKind({
  group: 'snapshot.storage.k8s.io',
  version: 'v1',
  kind: 'VolumeSnapshot',
  description: 'The content of a volume at one moment.',
  plural: 'volumesnapshots',
  shortNames: ['vs'],
  namespaced: true,
  spec: object(
    { source: optional({ persistentVolumeClaimName: text, volumeSnapshotContentName: text }) },
    { volumeSnapshotClassName: text },
  ),
  status: optional({
    boundVolumeSnapshotContentName: text,
    creationTime: time,
    readyToUse: flag,
    restoreSize: Quantity,
    error: optional({ message: text, time }),
    volumeGroupSnapshotName: text,
  }),
  columns: [
    column('ReadyToUse', '.status.readyToUse', 'boolean'),
    column('SourcePVC', '.spec.source.persistentVolumeClaimName'),
    column('SourceSnapshotContent', '.spec.source.volumeSnapshotContentName'),
    column('RestoreSize', '.status.restoreSize'),
    column('SnapshotClass', '.spec.volumeSnapshotClassName'),
    column('SnapshotContent', '.status.boundVolumeSnapshotContentName'),
    column('CreationTime', '.status.creationTime', 'date'),
    age,
  ],
  actions: [
    {
      name: 'restore',
      offered: ({ status }) => status?.readyToUse === true,
    },
  ],
  check({ spec: { source } }) {
    const given = [source.persistentVolumeClaimName, source.volumeSnapshotContentName].filter(Boolean)
    return given.length === 1
      ? []
      : [
          {
            field: 'spec.source',
            message: 'give exactly one of persistentVolumeClaimName and volumeSnapshotContentName',
          },
        ]
  },
  checkUpdate: (next, previous) =>
    same(next.spec.source, previous.spec.source)
      ? []
      : [{ field: 'spec.source', message: 'is immutable; make another snapshot' }],
})
export type VolumeSnapshot = ObjectOf<typeof VolumeSnapshot>

/** Whether a claim's source is a VolumeSnapshot. */
export function isSnapshotSource(source: { apiGroup?: string; kind: string }): boolean {
  return source.kind === 'VolumeSnapshot' && source.apiGroup === VolumeSnapshot.group
}
