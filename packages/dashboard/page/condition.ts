import type { KubeObject } from '@thresher/api/meta'

/** A condition, as most kinds have them in their status. */
export interface Condition {
  type: string
  status: string
  reason?: string
  message?: string
  lastTransitionTime?: string
}

/** The conditions of an object; empty for one that has none. */
export function conditionsOf(object: KubeObject): Condition[] {
  const { status } = object as KubeObject & { status?: { conditions?: unknown } }
  const conditions = status?.conditions
  return Array.isArray(conditions) ? (conditions as Condition[]) : []
}

/** The sentence of the first condition that says what is wrong. */
export function conditionMessage(object: KubeObject): string | undefined {
  const said = conditionsOf(object).filter(({ status, message }) => status === 'False' && message)
  // That it is not ready is known by then; the others say why.
  return (said.find(({ type }) => type !== 'Ready') ?? said[0])?.message
}
