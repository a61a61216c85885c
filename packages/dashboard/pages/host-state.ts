import type { Node } from '@thresher/api/core/node'
import type { Tone } from '../page/columns.tsx'
import { conditionsOf } from '../page/condition.ts'

/** How a host is: ready, not, or closed for new machines. */
export function hostState(node: Node): { state: string; tone: Tone; why?: string } {
  const ready = conditionsOf(node).find(({ type }) => type === 'Ready')
  if (ready?.status !== 'True') return { state: 'NotReady', tone: 'danger', why: ready?.message }
  return node.spec?.unschedulable ? { state: 'Cordoned', tone: 'warning' } : { state: 'Ready', tone: 'success' }
}
