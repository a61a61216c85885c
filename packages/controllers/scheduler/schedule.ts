import type { Node } from '@thresher/api/core/node'
import type { Pod } from '@thresher/api/core/pod'
import { findCondition } from '@thresher/client/conditions'
import { antiAffinityFailure, podAffinityScore } from './pod-affinity.ts'
import { describeAmount, type Amounts } from './resources.ts'
import { describeTaint, matchesNode, matchesTerm, tolerates } from './selectors.ts'
import type { VolumeNeed } from './volumes.ts'

/** A node with what is on it. */
export interface NodeState {
  node: Node
  allocatable: Amounts
  /** Pods that are bound to it and have not ended. */
  pods: readonly Pod[]
  /** The sum of what those pods take. */
  used: Amounts
}

export type Decision = { node: string } | { unschedulable: string }

/** One reason why a node will not do; nodes with the same `group` are told of together. */
interface Failure {
  group: 'selector' | 'taint' | 'closed' | 'resource' | 'volume' | 'pods'
  /** Completes "2 nodes …". */
  text: string
  /** How far a resource falls short, so that the nearest node is told of. */
  short?: { resource: string; free: number }
}

/**
 * Choose a node for a pod, or say with numbers why none will do and what would help.
 *
 * Filters first (node open, selectors, taints, volumes, distance from pods, resources), then the best score: most left over after
 * the pod is placed, plus the weights of preferences. Equal scores go to the first name, so the choice is repeatable.
 */
export function schedule(
  pod: Pod,
  requests: Amounts,
  states: readonly NodeState[],
  volumes: readonly VolumeNeed[],
): Decision {
  const blocked = volumes.find((need) => need.blocked)?.blocked
  if (blocked) return { unschedulable: blocked }
  if (states.length === 0) return { unschedulable: 'there are no nodes yet; start an agent on a host' }
  const failures: Failure[] = []
  let best: { name: string; score: number } | undefined
  for (const state of states) {
    const failure = whyNot(pod, requests, state, states, volumes)
    if (failure) {
      failures.push(failure)
      continue
    }
    const name = state.node.metadata.name ?? ''
    const score = scoreOf(pod, requests, state, states)
    if (!best || score > best.score || (score === best.score && name < best.name)) best = { name, score }
  }
  return best ? { node: best.name } : { unschedulable: explain(failures, requests) }
}

/** The first reason why a pod cannot go on a node. */
function whyNot(
  pod: Pod,
  requests: Amounts,
  state: NodeState,
  states: readonly NodeState[],
  volumes: readonly VolumeNeed[],
): Failure | undefined {
  const { node } = state
  const ready = findCondition(node.status?.conditions, 'Ready')
  if (node.spec?.unschedulable && !tolerates(pod.spec.tolerations, cordoned))
    return { group: 'closed', text: 'cordoned (uncordon to use)' }
  for (const [name, value] of Object.entries(pod.spec.nodeSelector ?? {}))
    if (node.metadata.labels?.[name] !== value)
      return { group: 'selector', text: `without the label ${name}=${value} that the nodeSelector asks for` }
  const required = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
  if (required && !matchesNode(required, node)) return { group: 'selector', text: 'outside the required node affinity' }
  for (const taint of node.spec?.taints ?? [])
    if (taint.effect !== 'PreferNoSchedule' && !tolerates(pod.spec.tolerations, taint))
      return { group: 'taint', text: `with the taint ${describeTaint(taint)} that is not tolerated` }
  if (ready && ready.status !== 'True' && !tolerates(pod.spec.tolerations, notReady))
    return { group: 'closed', text: `not ready (${ready.message || ready.reason || 'no word from its agent'})` }
  for (const need of volumes) {
    if (need.onlyNode && need.onlyNode.name !== node.metadata.name)
      return { group: 'volume', text: `other than ${need.onlyNode.name}, and ${need.onlyNode.why}` }
    if (need.nodes && !matchesNode(need.nodes, node))
      return { group: 'volume', text: `without access to the volume of ${need.claimName}` }
  }
  const apart = antiAffinityFailure(pod, state, states)
  if (apart) return { group: 'pods', text: apart }
  for (const [name, amount] of Object.entries(requests)) {
    if (amount === 0) continue
    const allocatable = state.allocatable[name]
    // A node that says nothing of pods has no limit on them.
    if (allocatable === undefined && name === 'pods') continue
    const free = (allocatable ?? 0) - (state.used[name] ?? 0)
    if (free < amount) return { group: 'resource', text: `too little ${name}`, short: { resource: name, free } }
  }
  return undefined
}

const cordoned = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }
const notReady = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }

/** Better is higher. Room left counts up to 100, preferences by their weights. */
function scoreOf(pod: Pod, requests: Amounts, state: NodeState, states: readonly NodeState[]): number {
  let score = 0
  for (const resource of ['cpu', 'memory']) {
    const total = state.allocatable[resource] ?? 0
    if (total > 0) score += (50 * (total - (state.used[resource] ?? 0) - (requests[resource] ?? 0))) / total
  }
  for (const { weight, preference } of pod.spec.affinity?.nodeAffinity
    ?.preferredDuringSchedulingIgnoredDuringExecution ?? [])
    if (matchesTerm(preference, state.node)) score += weight
  for (const taint of state.node.spec?.taints ?? [])
    if (taint.effect === 'PreferNoSchedule' && !tolerates(pod.spec.tolerations, taint)) score -= 100
  return score + podAffinityScore(pod, state, states)
}

/** One sentence: how many nodes fail for which reason, with the nearest miss, and what would help. */
function explain(failures: readonly Failure[], requests: Amounts): string {
  const counts = new Map<string, number>()
  const nearest = new Map<string, number>()
  for (const { text, short } of failures) {
    const key = short ? `!${short.resource}` : text
    counts.set(key, (counts.get(key) ?? 0) + 1)
    if (short) nearest.set(short.resource, Math.max(nearest.get(short.resource) ?? -Infinity, short.free))
  }
  const parts = [...counts].map(([key, count]) => {
    if (!key.startsWith('!')) return `${count} ${key}`
    const resource = key.slice(1)
    const free = Math.max(nearest.get(resource) ?? 0, 0)
    const wanted = describeAmount(resource, requests[resource] ?? 0)
    return `${count} with too little ${resource} (${wanted} needed, at most ${describeAmount(resource, free)} free)`
  })
  const remedies = new Set(failures.map(({ group }) => remedy[group]))
  return `none of ${failures.length} node${failures.length === 1 ? '' : 's'} will do: ${parts.join(', ')}; ${[...remedies].join(', or ')}`
}

const remedy: Record<Failure['group'], string> = {
  selector: 'label a node or relax the selector',
  taint: 'tolerate the taint or remove it',
  closed: 'bring a node back',
  resource: 'ask for less, stop something or add a node',
  volume: 'free the node that has the volume',
  pods: 'relax the rules on other pods or add a node',
}
