import { Type } from '../type.ts'
import { age, column } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { LabelSelector } from '../meta.ts'
import { Quantity, text } from '../schema.ts'

/** How much room a class has in one part of the cluster. */
export const CSIStorageCapacity = defineKind({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSIStorageCapacity',
  description: 'How much room a class has in one part of the cluster.',
  plural: 'csistoragecapacities',
  namespaced: true,
  fields: {
    storageClassName: text,
    nodeTopology: Type.Optional(LabelSelector),
    capacity: Type.Optional(Quantity),
    maximumVolumeSize: Type.Optional(Quantity),
  },
  columns: [column('StorageClass', '.storageClassName'), column('Capacity', '.capacity'), age],
})
export type CSIStorageCapacity = ObjectOf<typeof CSIStorageCapacity>
