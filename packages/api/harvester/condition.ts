import type { Static } from 'typebox'
import { list, object, text } from '../schema.ts'

/** One observed fact, as Harvester's kinds carry it. */
export const Condition = object(
  { type: text, status: text },
  { reason: text, message: text, lastTransitionTime: text, lastUpdateTime: text },
)
export type Condition = Static<typeof Condition>

/** A list of conditions; there is at most one of a type. */
export const Conditions = list(Condition)
