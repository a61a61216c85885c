import { Lease } from '@thresher/api/coordination/lease'
import { Node } from '@thresher/api/core/node'
import type { Condition } from '@thresher/api/meta'
import { same } from '@thresher/api/same'
import { findCondition, formatTime, setCondition } from '@thresher/client/conditions'
import { watch, type Controller } from '@thresher/client/controller'
import { subjectIs } from '@thresher/client/subject'

/** How long an agent may be silent before its node counts as unreachable, in milliseconds. */
export const graceMs = 40_000

const leaseNamespace = 'kube-node-lease'
const notReady = 'node.kubernetes.io/not-ready'
const unreachable = 'node.kubernetes.io/unreachable'

/** The reason that an agent's silence is told with. */
const silence = 'NodeStatusUnknown'

type Taints = NonNullable<NonNullable<Node['spec']>['taints']>

/**
 * Marks nodes whose agents no longer renew their Lease, and keeps new work off nodes that are not ready.
 *
 * Silence is measured from when this process saw the last renewal, by its monotonic clock, so that no clock need agree.
 *
 * @param monotonicMs a clock that never jumps
 */
export function nodeLifecycleController(monotonicMs: () => number = () => performance.now()): Controller {
  const renewals = new Map<string, { renewTime: string; seenAtMs: number; heard: boolean }>()
  return {
    name: 'node-lifecycle',
    subject: subjectIs(Node),
    watches: [
      watch(Node, (node, _, change) => {
        if (change.type === 'deleted') renewals.delete(node.metadata.name ?? '')
        return [node.metadata.name ?? '']
      }),
      watch(Lease, (lease) => (lease.metadata.namespace === leaseNamespace ? [lease.metadata.name ?? ''] : [])),
    ],
    async reconcile(key, context) {
      const node = context.objects(Node).get(key)
      if (!node || node.metadata.deletionTimestamp) return
      const lease = context.objects(Lease).get(`${leaseNamespace}/${key}`)
      const renewTime = lease?.spec?.renewTime ?? ''
      const before = renewals.get(key)
      // The first look at a Lease tells nothing of when it was renewed; only a change is a sign of life.
      const renewal =
        before?.renewTime === renewTime ? before : { renewTime, seenAtMs: monotonicMs(), heard: before !== undefined }
      renewals.set(key, renewal)
      const leftMs = graceMs - (monotonicMs() - renewal.seenAtMs)
      const next = nodeAfter(node, leftMs <= 0 ? 'silent' : renewal.heard ? 'heard' : 'unsure', context.now())
      const nodes = context.objects(Node)
      let current = node
      if (!same(next.status, node.status)) {
        current = await nodes.updateStatus({ ...node, status: next.status })
        if (leftMs <= 0)
          context.events.record({
            object: node,
            type: 'Warning',
            reason: 'NodeNotReady',
            message: `The agent of ${key} has been silent for ${Math.round(graceMs / 1000)} s.`,
          })
      }
      if (!same(next.spec, node.spec)) await nodes.update({ ...current, spec: next.spec })
      return leftMs > 0 ? { afterMs: leftMs } : undefined
    },
  }
}

/** What is known of an agent: it renews its Lease, it has stopped to, or we have not watched long enough to tell. */
export type Life = 'heard' | 'silent' | 'unsure'

/** A node as it should be: its Ready condition when its agent is silent, and the taints that go with the condition. */
export function nodeAfter(node: Node, life: Life, now: Date): Pick<Node, 'spec' | 'status'> {
  const conditions = conditionsAfter(node, life, now)
  const ready = findCondition(conditions, 'Ready')?.status
  const wanted =
    ready === 'True'
      ? []
      : ready === 'Unknown'
        ? taints(unreachable, now)
        : ready === 'False'
          ? taints(notReady, now)
          : []
  const others = (node.spec?.taints ?? []).filter(({ key }) => key !== notReady && key !== unreachable)
  const own = (node.spec?.taints ?? []).filter(({ key }) => key === notReady || key === unreachable)
  const kept = wanted.map(
    (taint) => own.find(({ key, effect }) => key === taint.key && effect === taint.effect) ?? taint,
  )
  const all = [...others, ...kept]
  return {
    spec: { ...node.spec, taints: all.length > 0 ? all : undefined },
    status: { ...node.status, conditions },
  }
}

function conditionsAfter(node: Node, life: Life, now: Date): Condition[] | undefined {
  const before = node.status?.conditions as Condition[] | undefined
  if (life === 'silent')
    return setCondition(
      before,
      {
        type: 'Ready',
        status: 'Unknown',
        reason: silence,
        message: 'the agent stopped posting its status; look at the host and its network',
      },
      now,
    )
  const ready = findCondition(before, 'Ready')
  // Only what was said here is taken back; the agent tells of its own troubles.
  if (life === 'unsure' || ready?.status !== 'Unknown' || ready.reason !== silence) return before
  return setCondition(
    before,
    { type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'the agent is heard of again' },
    now,
  )
}

function taints(key: string, now: Date): Taints {
  const timeAdded = formatTime(now)
  return [
    { key, effect: 'NoSchedule', timeAdded },
    { key, effect: 'NoExecute', timeAdded },
  ]
}
