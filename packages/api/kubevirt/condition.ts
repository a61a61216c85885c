import type { Static } from 'typebox'
import { list, object, text, schemaOf } from '../schema.ts'

const nullableTime = schemaOf<string | null>({ type: 'string', format: 'date-time', nullable: true })

/** One observed fact, as KubeVirt's kinds carry it. */
export const Condition = object(
  { type: text, status: text },
  { reason: text, message: text, lastProbeTime: nullableTime, lastTransitionTime: nullableTime },
)
export type Condition = Static<typeof Condition>

/** A list of conditions; there is at most one of a type. */
export const Conditions = list(Condition)
