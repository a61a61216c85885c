import { ApiError, isReason } from '@thresher/api/error'
import type { Condition, KubeObject } from '@thresher/api/meta'
import type { Entry } from '../entry.ts'
import type { Resource } from '../registry.ts'
import { labelSelectorPredicate } from '../selector/label.ts'
import { commitUpdate } from './commit.ts'
import { timeText, type Context } from './context.ts'

interface Budget extends KubeObject {
  spec?: { selector?: unknown; unhealthyPodEvictionPolicy?: string }
  status?: {
    observedGeneration?: number
    disruptedPods?: Record<string, string>
    disruptionsAllowed?: number
    currentHealthy?: number
    desiredHealthy?: number
  }
}

/** What of a pod decides whether a budget has a say. */
export interface EvictedPod extends KubeObject {
  status?: { phase?: string; conditions?: Condition[] }
}

/** How often a grant is tried again that another write came before. */
const tries = 5

/**
 * Take an eviction from the pod's disruption budget, which then counts the pod as gone: of two evictions at once, one gets the last
 * that the budget allows.
 *
 * @throws {ApiError} TooManyRequests when the budget allows none; InternalError when the pod has several
 */
export async function takeFromBudget(context: Context, pod: EvictedPod, dryRun: boolean): Promise<void> {
  const { phase } = pod.status ?? {}
  // What has not begun or is over disrupts nobody.
  if (phase === 'Pending' || phase === 'Succeeded' || phase === 'Failed' || pod.metadata.deletionTimestamp) return
  const budgets = context.registry.resource('policy', 'poddisruptionbudgets')
  if (!budgets) return
  for (let left = tries; ; left--) {
    const [entry, second] = matching(budgets, pod)
    if (!entry) return
    if (second)
      throw new ApiError(
        'InternalError',
        'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
      )
    const budget = entry.object(budgets.cache.jsonPrefix) as Budget
    if (!isReady(pod) && mayGoUnhealthy(budget)) return
    requireRoom(budget)
    if (dryRun) return
    try {
      await commitUpdate(context, budgets, entry, granted(budget, pod, timeText(context.now())))
      return
    } catch (error) {
      if (!isReason(error, 'Conflict', 'NotFound') || left === 0) throw error
    }
  }
}

function matching({ cache }: Resource, { metadata }: KubeObject): Entry[] {
  return [...cache.entries()].filter((entry) => {
    if (entry.namespace !== metadata.namespace) return false
    const { spec } = entry.object(cache.jsonPrefix) as Budget
    return labelSelectorPredicate(spec?.selector as never)(metadata.labels ?? {})
  })
}

function isReady({ status }: EvictedPod): boolean {
  return status?.conditions?.some((each) => each.type === 'Ready' && each.status === 'True') ?? false
}

/** A pod that is not healthy does not make the others fewer. */
function mayGoUnhealthy({ spec, status }: Budget): boolean {
  if (spec?.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true
  const { currentHealthy = 0, desiredHealthy = 0 } = status ?? {}
  return desiredHealthy > 0 && currentHealthy >= desiredHealthy
}

function requireRoom({ metadata, status }: Budget): void {
  const behind = (status?.observedGeneration ?? 0) < (metadata.generation ?? 0)
  if (!behind && (status?.disruptionsAllowed ?? 0) > 0) return
  const { desiredHealthy = 0, currentHealthy = 0 } = status ?? {}
  const message = behind
    ? `The disruption budget ${metadata.name} is still being processed by the server.`
    : `The disruption budget ${metadata.name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`
  throw new ApiError('TooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget.", {
    details: { causes: [{ reason: 'DisruptionBudget', message }], retryAfterSeconds: 10 },
  })
}

function granted(budget: Budget, { metadata }: KubeObject, now: string): Budget {
  const { status } = budget
  return {
    ...budget,
    status: {
      ...status,
      disruptionsAllowed: (status?.disruptionsAllowed ?? 1) - 1,
      disruptedPods: { ...status?.disruptedPods, [metadata.name ?? '']: now },
    },
  }
}
