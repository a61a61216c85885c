import { age } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { Empty } from '../schema.ts'

/** A host whose devices are looked after. */
export const Node = defineKind({
  group: 'devices.harvesterhci.io',
  version: 'v1beta1',
  kind: 'Node',
  description: 'A host whose devices are looked after.',
  plural: 'nodes',
  namespaced: false,
  spec: Empty,
  specOptional: true,
  columns: [age],
})
export type Node = ObjectOf<typeof Node>
