import type { Condition } from '@thresher/api/meta'

/** A condition as its author says it; the time of transition is worked out. */
export interface ConditionWord {
  type: string
  status: 'True' | 'False' | 'Unknown'
  reason?: string
  message?: string
  observedGeneration?: number
}

/**
 * The list with `word` in it. `lastTransitionTime` moves only when the status does.
 * The same list comes back when nothing changes, so `===` tells whether to write.
 */
export function setCondition(list: Condition[] | undefined, word: ConditionWord, now: Date = new Date()): Condition[] {
  const before = list?.find((condition) => condition.type === word.type)
  const transition = before?.status === word.status ? before.lastTransitionTime : undefined
  const next: Condition = { ...word, lastTransitionTime: transition ?? formatTime(now) }
  if (before && sameWord(before, next)) return list ?? []
  return before ? (list ?? []).map((condition) => (condition === before ? next : condition)) : [...(list ?? []), next]
}

/** The list without conditions of a type; the same list when there is none. */
export function removeCondition(list: Condition[] | undefined, type: string): Condition[] {
  return list?.some((condition) => condition.type === type)
    ? list.filter((condition) => condition.type !== type)
    : (list ?? [])
}

/** The condition of a type. */
export function findCondition(list: readonly Condition[] | undefined, type: string): Condition | undefined {
  return list?.find((condition) => condition.type === type)
}

/** Whether a condition of this type is there and True. */
export function isTrue(list: readonly Condition[] | undefined, type: string): boolean {
  return findCondition(list, type)?.status === 'True'
}

/** RFC 3339 with whole seconds, as `metav1.Time` has it. */
export function formatTime(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`
}

/** RFC 3339 with microseconds, as `metav1.MicroTime` has it. */
export function formatMicroTime(time: Date): string {
  return `${time.toISOString().slice(0, 23)}000Z`
}

function sameWord(a: Condition, b: Condition): boolean {
  return (
    a.status === b.status &&
    a.reason === b.reason &&
    a.message === b.message &&
    a.observedGeneration === b.observedGeneration
  )
}
