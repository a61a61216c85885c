import { age } from '../columns.ts'
import type { FieldError } from '../error.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { Conditions, LabelSelector } from '../meta.ts'
import { having, int32, int64, list, object, optional, Quantity, text, time } from '../schema.ts'

const identifier = object({ name: text }, { selector: LabelSelector })
const reference = object({ kind: text, name: text }, { apiVersion: text })
const target = object({ type: text }, { value: Quantity, averageValue: Quantity, averageUtilization: int32 })
const current = optional({ value: Quantity, averageValue: Quantity, averageUtilization: int32 })

const metric = object(
  { type: text },
  {
    resource: object({ name: text, target }),
    containerResource: object({ name: text, container: text, target }),
    pods: object({ metric: identifier, target }),
    object: object({ describedObject: reference, metric: identifier, target }),
    external: object({ metric: identifier, target }),
  },
)

const currentMetric = object(
  { type: text },
  {
    resource: object({ name: text, current }),
    containerResource: object({ name: text, container: text, current }),
    pods: object({ metric: identifier, current }),
    object: object({ describedObject: reference, metric: identifier, current }),
    external: object({ metric: identifier, current }),
  },
)

const scaling = optional({
  stabilizationWindowSeconds: int32,
  selectPolicy: text,
  tolerance: Quantity,
  policies: list(object({ type: text, value: int32, periodSeconds: int32 })),
})

/** Follows load with the number of a workload's pods. */
export const HorizontalPodAutoscaler = defineKind({
  group: 'autoscaling',
  version: 'v2',
  kind: 'HorizontalPodAutoscaler',
  description: "Follows load with the number of a workload's pods.",
  plural: 'horizontalpodautoscalers',
  shortNames: ['hpa'],
  categories: ['all'],
  namespaced: true,
  spec: object(
    { scaleTargetRef: reference, maxReplicas: int32 },
    {
      minReplicas: having(int32, { default: 1 }),
      metrics: list(metric),
      behavior: optional({ scaleUp: scaling, scaleDown: scaling }),
    },
  ),
  status: optional({
    observedGeneration: int64,
    lastScaleTime: time,
    currentReplicas: int32,
    desiredReplicas: int32,
    currentMetrics: list(currentMetric),
    conditions: Conditions,
  }),
  columns: [
    { name: 'Reference', path: ({ spec }) => `${spec.scaleTargetRef.kind}/${spec.scaleTargetRef.name}` },
    { name: 'MinPods', type: 'integer', path: ({ spec }) => spec.minReplicas ?? 1 },
    { name: 'MaxPods', type: 'integer', path: ({ spec }) => spec.maxReplicas },
    { name: 'Replicas', type: 'integer', path: ({ status }) => status?.currentReplicas ?? 0 },
    age,
  ],
  check({ spec }): FieldError[] {
    const least = spec.minReplicas ?? 1
    if (spec.maxReplicas < 1) return [{ field: 'spec.maxReplicas', message: 'must be greater than 0' }]
    return spec.maxReplicas < least
      ? [{ field: 'spec.maxReplicas', message: 'must be greater than or equal to `minReplicas`' }]
      : []
  },
})
export type HorizontalPodAutoscaler = ObjectOf<typeof HorizontalPodAutoscaler>
