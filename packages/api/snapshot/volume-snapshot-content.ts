import { age, column } from '../columns.ts'
import { ObjectReference } from '../core/references.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { flag, int64, object, oneOf, optional, text, time } from '../schema.ts'

/** A snapshot that exists in the storage. */
export const VolumeSnapshotContent = defineKind({
  group: 'snapshot.storage.k8s.io',
  version: 'v1',
  kind: 'VolumeSnapshotContent',
  description: 'A snapshot that exists in the storage.',
  plural: 'volumesnapshotcontents',
  shortNames: ['vsc', 'vscs'],
  namespaced: false,
  spec: object(
    {
      driver: text,
      deletionPolicy: oneOf('Delete', 'Retain'),
      source: optional({ volumeHandle: text, snapshotHandle: text }),
      volumeSnapshotRef: ObjectReference,
    },
    { sourceVolumeMode: text, volumeSnapshotClassName: text },
  ),
  status: optional({
    snapshotHandle: text,
    creationTime: int64,
    restoreSize: int64,
    readyToUse: flag,
    error: optional({ message: text, time }),
    volumeGroupSnapshotHandle: text,
  }),
  columns: [
    column('ReadyToUse', '.status.readyToUse', 'boolean'),
    column('RestoreSize', '.status.restoreSize', 'integer'),
    column('DeletionPolicy', '.spec.deletionPolicy'),
    column('Driver', '.spec.driver'),
    column('VolumeSnapshotClass', '.spec.volumeSnapshotClassName'),
    column('VolumeSnapshot', '.spec.volumeSnapshotRef.name'),
    column('VolumeSnapshotNamespace', '.spec.volumeSnapshotRef.namespace'),
    age,
  ],
})
export type VolumeSnapshotContent = ObjectOf<typeof VolumeSnapshotContent>
