import { age } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { Conditions, LabelSelector } from '../meta.ts'
import { having, int32, int64, IntOrString, mapTo, optional, text, time } from '../schema.ts'

/** How many pods of a set may be away at once, by intent. */
export const PodDisruptionBudget = defineKind({
  group: 'policy',
  version: 'v1',
  kind: 'PodDisruptionBudget',
  description: 'How many pods of a set may be away at once, by intent.',
  plural: 'poddisruptionbudgets',
  shortNames: ['pdb'],
  namespaced: true,
  specOptional: true,
  spec: optional({
    selector: having(LabelSelector, { 'x-kubernetes-patch-strategy': 'replace' }),
    minAvailable: IntOrString,
    maxUnavailable: IntOrString,
    unhealthyPodEvictionPolicy: text,
  }),
  status: optional({
    observedGeneration: int64,
    disruptedPods: mapTo(time),
    disruptionsAllowed: int32,
    currentHealthy: int32,
    desiredHealthy: int32,
    expectedPods: int32,
    conditions: Conditions,
  }),
  columns: [
    { name: 'Min Available', path: ({ spec }) => spec.minAvailable ?? 'N/A' },
    { name: 'Max Unavailable', path: ({ spec }) => spec.maxUnavailable ?? 'N/A' },
    { name: 'Allowed Disruptions', type: 'integer', path: ({ status }) => status?.disruptionsAllowed ?? 0 },
    age,
  ],
  check: ({ spec }) =>
    spec?.minAvailable !== undefined && spec.maxUnavailable !== undefined
      ? [{ field: 'spec', message: 'minAvailable and maxUnavailable cannot be both set; keep one' }]
      : [],
})
export type PodDisruptionBudget = ObjectOf<typeof PodDisruptionBudget>
