import { age } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { int32, listBy, object, optional, text, texts } from '../schema.ts'

/** The storage drivers on one node. */
export const CSINode = defineKind({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSINode',
  description: 'The storage drivers on one node.',
  plural: 'csinodes',
  namespaced: false,
  spec: object({
    drivers: listBy(
      object({ name: text, nodeID: text }, { topologyKeys: texts, allocatable: optional({ count: int32 }) }),
      ['name'],
      'name',
    ),
  }),
  columns: [{ name: 'Drivers', type: 'integer', path: ({ spec }) => spec.drivers.length }, age],
})
export type CSINode = ObjectOf<typeof CSINode>
