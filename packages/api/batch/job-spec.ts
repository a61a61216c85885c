import type { Static } from 'typebox'
import { PodTemplateSpec } from '../core/pod-spec.ts'
import { LabelSelector } from '../meta.ts'
import { flag, having, int32, list, object, oneOf, optional, set, text } from '../schema.ts'

const failureRule = object(
  { action: text },
  {
    onExitCodes: object({ operator: text, values: set(int32) }, { containerName: text }),
    onPodConditions: list(object({ type: text }, { status: having(text, { default: 'True' }) })),
  },
)

/** Work that ends. Times in seconds. */
export const JobSpec = object(
  { template: PodTemplateSpec },
  {
    parallelism: int32,
    completions: int32,
    completionMode: having(oneOf('NonIndexed', 'Indexed'), { default: 'NonIndexed' }),
    activeDeadlineSeconds: int32,
    backoffLimit: int32,
    backoffLimitPerIndex: int32,
    maxFailedIndexes: int32,
    selector: LabelSelector,
    manualSelector: flag,
    ttlSecondsAfterFinished: int32,
    suspend: having(flag, { default: false }),
    podReplacementPolicy: text,
    podFailurePolicy: object({ rules: list(failureRule) }),
    successPolicy: object({ rules: list(optional({ succeededIndexes: text, succeededCount: int32 })) }),
    managedBy: text,
  },
)
export type JobSpec = Static<typeof JobSpec>
