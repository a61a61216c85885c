import { Type } from '../type.ts'
import { age } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { text } from '../schema.ts'

/** One choice of a user about the dashboard. */
export const Preference = defineKind({
  group: 'harvesterhci.io',
  version: 'v1beta1',
  kind: 'Preference',
  description: 'One choice of a user about the dashboard.',
  plural: 'preferences',
  shortNames: ['preference', 'preferences'],
  namespaced: true,
  fields: { value: Type.Optional(text) },
  columns: [age],
})
export type Preference = ObjectOf<typeof Preference>
