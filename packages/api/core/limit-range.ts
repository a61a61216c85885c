import { column } from '../columns.ts'
import type { FieldError } from '../error.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { compareQuantities, isQuantity } from '../quantity.ts'
import { list, object, optional, ResourceList, text } from '../schema.ts'

const limit = object(
  { type: text },
  {
    max: ResourceList,
    min: ResourceList,
    default: ResourceList,
    defaultRequest: ResourceList,
    maxLimitRequestRatio: ResourceList,
  },
)

/** Bounds and defaults for what a pod, container or claim in a namespace may ask for. */
export const LimitRange = defineKind({
  group: '',
  version: 'v1',
  kind: 'LimitRange',
  description: 'Bounds and defaults for what a pod, container or claim in a namespace may ask for.',
  plural: 'limitranges',
  shortNames: ['limits'],
  namespaced: true,
  specOptional: true,
  spec: optional({ limits: list(limit) }),
  columns: [column('Created At', '.metadata.creationTimestamp')],
  fillDefaults({ spec }) {
    for (const one of Array.isArray(spec?.limits) ? spec.limits : []) {
      if (one?.type !== 'Container') continue
      one.default = { ...one.max, ...one.default }
      one.defaultRequest = { ...one.min, ...one.default, ...one.defaultRequest }
    }
  },
  check: ({ spec }) =>
    (spec?.limits ?? []).flatMap((one, index): FieldError[] =>
      Object.entries(one.min ?? {}).flatMap(([name, least]) => {
        const most = one.max?.[name]
        if (!isQuantity(least) || !isQuantity(most) || compareQuantities(least, most) <= 0) return []
        return [
          {
            field: `spec.limits[${index}].min[${name}]`,
            message: `min value ${least} is greater than max value ${most}`,
          },
        ]
      }),
    ),
})
export type LimitRange = ObjectOf<typeof LimitRange>
