import { age } from '../columns.ts'
import type { FieldError } from '../error.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { compareQuantities, isQuantity } from '../quantity.ts'
import { list, object, optional, ResourceList, text, texts } from '../schema.ts'

/** How much all objects of a namespace may ask for together. */
export const ResourceQuota = defineKind({
  group: '',
  version: 'v1',
  kind: 'ResourceQuota',
  description: 'How much all objects of a namespace may ask for together.',
  plural: 'resourcequotas',
  shortNames: ['quota'],
  namespaced: true,
  specOptional: true,
  spec: optional({
    hard: ResourceList,
    scopes: texts,
    scopeSelector: optional(
      { matchExpressions: list(object({ scopeName: text, operator: text }, { values: texts })) },
      { 'x-kubernetes-map-type': 'atomic' },
    ),
  }),
  status: optional({ hard: ResourceList, used: ResourceList }),
  columns: [
    { name: 'Request', path: ({ status }) => usage(status, (name) => !name.startsWith('limits.')) },
    { name: 'Limit', path: ({ status }) => usage(status, (name) => name.startsWith('limits.')) },
    age,
  ],
  check: ({ spec }) =>
    Object.entries(spec?.hard ?? {}).flatMap(([name, amount]): FieldError[] => {
      const field = `spec.hard[${name}]`
      if (!isQuantity(amount)) return [{ field, message: `${JSON.stringify(amount)} is not a quantity` }]
      return compareQuantities(amount, 0) < 0 ? [{ field, message: 'must not be negative' }] : []
    }),
})
export type ResourceQuota = ObjectOf<typeof ResourceQuota>

function usage(
  status: { hard?: Record<string, string>; used?: Record<string, string> } | undefined,
  chosen: (name: string) => boolean,
): string {
  return Object.entries(status?.hard ?? {})
    .filter(([name]) => chosen(name))
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, hard]) => `${name}: ${status?.used?.[name] ?? '0'}/${hard}`)
    .join(', ')
}
