import { Type } from '../type.ts'
import { age, column } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { labels, oneOf, text } from '../schema.ts'

/** A way to make snapshots, and the driver that knows it. */
export const VolumeSnapshotClass = defineKind({
  group: 'snapshot.storage.k8s.io',
  version: 'v1',
  kind: 'VolumeSnapshotClass',
  description: 'A way to make snapshots, and the driver that knows it.',
  plural: 'volumesnapshotclasses',
  singular: 'volumesnapshotclass',
  shortNames: ['vsclass', 'vsclasses'],
  namespaced: false,
  fields: { driver: text, deletionPolicy: oneOf('Delete', 'Retain'), parameters: Type.Optional(labels) },
  columns: [column('Driver', '.driver'), column('DeletionPolicy', '.deletionPolicy'), age],
})
export type VolumeSnapshotClass = ObjectOf<typeof VolumeSnapshotClass>

/** By which a class says that it is the one for snapshots of its driver that name none. */
export const defaultSnapshotClassAnnotation = 'snapshot.storage.kubernetes.io/is-default-class'

/** Whether snapshots that name no class get this one. */
export function isDefaultSnapshotClass({ metadata }: VolumeSnapshotClass): boolean {
  return metadata.annotations?.[defaultSnapshotClassAnnotation] === 'true'
}
