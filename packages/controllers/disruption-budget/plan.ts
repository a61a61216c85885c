import type { Pod } from '@thresher/api/core/pod'
import type { Condition } from '@thresher/api/meta'
import type { PodDisruptionBudget } from '@thresher/api/policy/pod-disruption-budget'
import { isTrue, setCondition } from '@thresher/client/conditions'

/** An evicted pod that is still there after this long was not deleted after all, in milliseconds. */
const evictionMs = 2 * 60_000

type Status = NonNullable<PodDisruptionBudget['status']>

/** A budget's status, and when to look again though nothing changes. */
export interface BudgetPlan {
  status: Status
  afterMs?: number
}

/**
 * How many of a budget's pods may go now. No I/O.
 *
 * @param pods those that its selector matches
 * @param wanted how many pods the workload with this uid is to have; undefined where that is not known
 */
export function planBudget(
  budget: PodDisruptionBudget,
  pods: readonly Pod[],
  wanted: (ownerUid: string) => number | undefined,
  now: Date,
): BudgetPlan {
  const alive = pods.filter(({ status }) => status?.phase !== 'Succeeded' && status?.phase !== 'Failed')
  const { disruptedPods, afterMs } = stillGoing(budget, alive, now)
  const expectedPods = countExpected(budget, alive, wanted)
  const desiredHealthy = healthyWanted(budget, expectedPods)
  const currentHealthy = alive.filter((pod) => isHealthy(pod) && !disruptedPods[pod.metadata.name ?? '']).length
  const disruptionsAllowed = expectedPods === 0 ? 0 : Math.max(currentHealthy - desiredHealthy, 0)
  const counts = { disruptionsAllowed, currentHealthy, desiredHealthy, expectedPods }
  const { disruptedPods: _, ...before } = budget.status ?? {}
  const going = Object.keys(disruptedPods).length > 0 ? { disruptedPods } : {}
  const conditions = withVerdict(before.conditions as Condition[] | undefined, disruptionsAllowed, budget, now)
  return {
    status: { ...before, ...going, ...counts, observedGeneration: budget.metadata.generation, conditions } as Status,
    ...(afterMs === undefined ? {} : { afterMs }),
  }
}

/** Pods whose eviction was granted and that are still there; they count as gone until then. */
function stillGoing({ status }: PodDisruptionBudget, pods: readonly Pod[], now: Date) {
  const disruptedPods: Record<string, string> = {}
  let afterMs: number | undefined
  for (const [name, time] of Object.entries(status?.disruptedPods ?? {})) {
    const leftMs = Date.parse(time) + evictionMs - now.getTime()
    const pod = pods.find(({ metadata }) => metadata.name === name)
    if (!pod || pod.metadata.deletionTimestamp || leftMs <= 0) continue
    disruptedPods[name] = time
    afterMs = Math.min(afterMs ?? leftMs, leftMs)
  }
  return { disruptedPods, afterMs }
}

/** With a number of pods that have to be there, those that are there count; else those that their workloads are to have. */
function countExpected(
  { spec }: PodDisruptionBudget,
  pods: readonly Pod[],
  wanted: (ownerUid: string) => number | undefined,
): number {
  if (typeof spec.minAvailable === 'number') return pods.length
  const byOwner = Map.groupBy(pods, (pod) => pod.metadata.ownerReferences?.find((ref) => ref.controller)?.uid ?? '')
  return [...byOwner].reduce((sum, [uid, own]) => sum + (wanted(uid) ?? own.length), 0)
}

function healthyWanted({ spec }: PodDisruptionBudget, expected: number): number {
  const { minAvailable, maxUnavailable } = spec
  if (maxUnavailable !== undefined) return Math.max(expected - amountOf(maxUnavailable, expected), 0)
  // A budget that says nothing keeps one, as Kubernetes defaults it.
  return amountOf(minAvailable ?? 1, expected)
}

/** A number, or a part of the whole rounded up. */
function amountOf(value: number | string, whole: number): number {
  if (typeof value === 'number') return value
  const percent = /^(\d{1,9})%$/.exec(value)?.[1]
  return percent === undefined ? 0 : Math.ceil((Number(percent) * whole) / 100)
}

function isHealthy({ metadata, status }: Pod): boolean {
  return !metadata.deletionTimestamp && isTrue(status?.conditions as Condition[] | undefined, 'Ready')
}

function withVerdict(
  before: Condition[] | undefined,
  allowed: number,
  { metadata }: PodDisruptionBudget,
  now: Date,
): Condition[] {
  return setCondition(
    before,
    {
      type: 'DisruptionAllowed',
      status: allowed > 0 ? 'True' : 'False',
      reason: allowed > 0 ? 'SufficientPods' : 'InsufficientPods',
      message: '',
      observedGeneration: metadata.generation,
    },
    now,
  )
}
