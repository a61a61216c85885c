import type { TypedKind } from '@thresher/api/kind'
import type { Condition, KubeObject } from '@thresher/api/meta'
import { same } from '@thresher/api/same'
import { formatTime, removeCondition, setCondition } from '@thresher/client/conditions'

/** How the objects of a kind say that nothing carries them out. */
export interface NotBuilt<O extends KubeObject> {
  /** The type of the condition; without one the kind has no conditions and says it in its own fields. */
  condition?: string
  /** `False` unless said. */
  conditionStatus?: 'True' | 'False'
  /** Whether the kind has `status.error` of a message and a time. */
  error?: boolean
  /** What else stands in the status. */
  status?(object: O): Record<string, unknown>
  /** Whether this object asks for what is not built; all do unless said. */
  when?(object: O): boolean
}

/** One kind without a controller, and the sentence that its objects carry. */
export interface Line extends NotBuilt<KubeObject> {
  kind: TypedKind<KubeObject>
  message: string
}

interface Status extends Record<string, unknown> {
  conditions?: Condition[]
  error?: { message?: string; time?: string }
}

/** An object with a status of whatever kind. */
export type WithStatus = KubeObject & { status?: Status }

/** The reason in all these conditions. */
export const notBuiltReason = 'NotBuilt'

/** The status that says what is not built; undefined when it says so already, or the object asks for nothing of it. */
export function nextStatus(line: Line, object: WithStatus, now: Date): Status | undefined {
  const status = object.status ?? {}
  const next = line.when?.(object) === false ? withdrawn(line, status) : refused(line, object, now)
  return same(next, status) ? undefined : next
}

function refused(line: Line, object: WithStatus, now: Date): Status {
  const { condition: type, conditionStatus = 'False', message } = line
  const next: Status = { ...object.status, ...line.status?.(object) }
  if (type)
    next.conditions = setCondition(
      next.conditions,
      { type, status: conditionStatus, reason: notBuiltReason, message },
      now,
    )
  if (line.error && next.error?.message !== message) next.error = { message, time: formatTime(now) }
  return next
}

/** Take back only what was written here: another may carry the object out by now. */
function withdrawn({ condition: type, error, message }: Line, status: Status): Status {
  const next = { ...status }
  const mine = status.conditions?.some((each) => each.type === type && each.reason === notBuiltReason)
  if (type && mine) next.conditions = removeCondition(status.conditions, type)
  if (error && status.error?.message === message) delete next.error
  return next
}
