import { ReplicaSet } from '@thresher/api/apps/replica-set'
import { StatefulSet } from '@thresher/api/apps/stateful-set'
import { Pod } from '@thresher/api/core/pod'
import { isReason } from '@thresher/api/error'
import { PodDisruptionBudget } from '@thresher/api/policy/pod-disruption-budget'
import { same } from '@thresher/api/same'
import { defineController, watch, type Context } from '@thresher/client/controller'
import { keyOf } from '@thresher/client/paths'
import { subjectIs } from '@thresher/client/subject'
import { matchesLabels } from '../scheduler/selectors.ts'
import { planBudget } from './plan.ts'

/** Shows on each PodDisruptionBudget how many of its pods may go now; evictions ask it. */
export const disruptionBudgetController = defineController({
  name: 'disruption-budget',
  subject: subjectIs(PodDisruptionBudget),
  watches: [
    watch(PodDisruptionBudget, undefined, { namespace: ({ metadata }) => [metadata.namespace ?? ''] }),
    watch(
      Pod,
      (pod, context, { previous }) => [...budgetsOf(pod, context), ...(previous ? budgetsOf(previous, context) : [])],
      {
        owner: (pod) => (pod.metadata.ownerReferences ?? []).map(({ uid }) => uid),
        namespace: ({ metadata }) => [metadata.namespace ?? ''],
      },
    ),
    watch(ReplicaSet, (set, context) => budgetsOfOwner(set.metadata.uid, context), { uid: uidOf }),
    watch(StatefulSet, (set, context) => budgetsOfOwner(set.metadata.uid, context), { uid: uidOf }),
  ],
  async reconcile(key, context) {
    const budgets = context.objects(PodDisruptionBudget)
    const budget = budgets.get(key)
    if (!budget || budget.metadata.deletionTimestamp) return
    const { namespace = '' } = budget.metadata
    const pods = context
      .objects(Pod)
      .byIndex('namespace', namespace)
      .filter(({ metadata }) => matchesLabels(budget.spec.selector, metadata.labels))
    const { status, afterMs } = planBudget(budget, pods, (uid) => wantedBy(uid, context), context.now())
    if (!same(status, budget.status)) {
      try {
        await budgets.updateStatus({ ...budget, status })
      } catch (error) {
        if (!isReason(error, 'NotFound')) throw error
      }
    }
    return afterMs === undefined ? undefined : { afterMs }
  },
})

function uidOf({ metadata }: { metadata: { uid?: string } }): string[] {
  return metadata.uid ? [metadata.uid] : []
}

function budgetsOf(pod: Pod, context: Context): string[] {
  return context
    .objects(PodDisruptionBudget)
    .byIndex('namespace', pod.metadata.namespace ?? '')
    .filter(({ spec }) => matchesLabels(spec.selector, pod.metadata.labels))
    .map(keyOf)
}

function budgetsOfOwner(uid: string | undefined, context: Context): string[] {
  const pods = uid ? context.objects(Pod).byIndex('owner', uid) : []
  return pods.flatMap((pod) => budgetsOf(pod, context))
}

/** How many pods a workload is to have. */
function wantedBy(uid: string, context: Context): number | undefined {
  const [set] = [
    ...context.objects(ReplicaSet).byIndex('uid', uid),
    ...context.objects(StatefulSet).byIndex('uid', uid),
  ]
  return set && (set.spec.replicas ?? 1)
}
