import { Type } from '../type.ts'
import { age, column } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { flag, having, int32, oneOf, text } from '../schema.ts'

const highestForUsers = 1_000_000_000

/** How important pods are; the higher go first. */
export const PriorityClass = defineKind({
  group: 'scheduling.k8s.io',
  version: 'v1',
  kind: 'PriorityClass',
  description: 'How important pods are; the higher go first.',
  plural: 'priorityclasses',
  singular: 'priorityclass',
  shortNames: ['pc'],
  namespaced: false,
  fields: {
    value: int32,
    globalDefault: Type.Optional(flag),
    description: Type.Optional(text),
    preemptionPolicy: Type.Optional(
      having(oneOf('PreemptLowerPriority', 'Never'), { default: 'PreemptLowerPriority' }),
    ),
  },
  columns: [
    column('Value', '.value', 'integer'),
    { name: 'Global-Default', path: (one) => String(one.globalDefault ?? false) },
    age,
    column('PreemptionPolicy', '.preemptionPolicy'),
  ],
  check: ({ metadata, value }) =>
    value > highestForUsers && !metadata.name?.startsWith('system-')
      ? [{ field: 'value', message: `must be at most ${highestForUsers}`, reason: 'FieldValueForbidden' }]
      : [],
  checkUpdate: (next, previous) =>
    (['value', 'preemptionPolicy'] as const)
      .filter((field) => next[field] !== previous[field])
      .map((field) => ({ field, message: 'cannot change; make another class', reason: 'FieldValueForbidden' })),
})
export type PriorityClass = ObjectOf<typeof PriorityClass>
