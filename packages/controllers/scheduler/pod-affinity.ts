import type { PodAffinityTerm, TopologySpreadConstraint } from '@thresher/api/core/affinity'
import type { Pod } from '@thresher/api/core/pod'
import type { NodeState } from './schedule.ts'
import { matchesLabels } from './selectors.ts'

/** Why a node breaks a rule about other pods; undefined when it breaks none. */
export function antiAffinityFailure(pod: Pod, state: NodeState, states: readonly NodeState[]): string | undefined {
  const { podAffinity, podAntiAffinity } = pod.spec.affinity ?? {}
  for (const term of podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [])
    if (countInDomain(pod, term, state, states) > 0)
      return `beside pods that the pod anti-affinity keeps apart by ${term.topologyKey}`
  for (const other of podsWithAntiAffinity(state, states))
    for (const term of other.pod.spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [])
      if (sameDomain(state, other.state, term.topologyKey) && selects(other.pod, term, pod))
        return `beside the pod ${other.pod.metadata.name} that keeps this one away`
  for (const term of podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []) {
    if (countInDomain(pod, term, state, states) > 0) continue
    // The first of a group that wants to be together has nobody to join.
    const nobody = states.every((each) => each.pods.every((other) => !selects(pod, term, other)))
    if (!(nobody && selects(pod, term, pod) && state.node.metadata.labels?.[term.topologyKey] !== undefined))
      return `apart from the pods that the pod affinity asks for by ${term.topologyKey}`
  }
  for (const constraint of pod.spec.topologySpreadConstraints ?? [])
    if (
      constraint.whenUnsatisfiable !== 'ScheduleAnyway' &&
      skewAfter(pod, constraint, state, states) > constraint.maxSkew
    )
      return `too full to spread evenly over ${constraint.topologyKey}`
  return undefined
}

/** The sum of the weights of preferences that a node meets, negative for those it should be away from. */
export function podAffinityScore(pod: Pod, state: NodeState, states: readonly NodeState[]): number {
  const { podAffinity, podAntiAffinity } = pod.spec.affinity ?? {}
  let score = 0
  for (const { weight, podAffinityTerm: term } of podAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [])
    score += weight * countInDomain(pod, term, state, states)
  for (const { weight, podAffinityTerm: term } of podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ??
    [])
    score -= weight * countInDomain(pod, term, state, states)
  for (const constraint of pod.spec.topologySpreadConstraints ?? [])
    if (constraint.whenUnsatisfiable === 'ScheduleAnyway') score -= 10 * skewAfter(pod, constraint, state, states)
  return score
}

/** How many pods that a term selects are in the node's domain. */
function countInDomain(pod: Pod, term: PodAffinityTerm, state: NodeState, states: readonly NodeState[]): number {
  let count = 0
  for (const each of states)
    if (sameDomain(state, each, term.topologyKey)) for (const other of each.pods) if (selects(pod, term, other)) count++
  return count
}

function sameDomain(a: NodeState, b: NodeState, topologyKey: string): boolean {
  const value = a.node.metadata.labels?.[topologyKey]
  return value !== undefined && value === b.node.metadata.labels?.[topologyKey]
}

/** Whether a term of `owner` selects `other`. Without namespaces it means those of its own. */
function selects(owner: Pod, term: PodAffinityTerm, other: Pod): boolean {
  const { namespaces, namespaceSelector, labelSelector } = term
  // Selecting namespaces by label would need their labels; an empty selector, which means all, is what people use.
  const everywhere = namespaceSelector !== undefined && Object.keys(namespaceSelector).length === 0
  const named = namespaces?.length ? namespaces : [owner.metadata.namespace]
  return (
    (everywhere || named.includes(other.metadata.namespace ?? '')) &&
    matchesLabels(labelSelector, other.metadata.labels)
  )
}

function podsWithAntiAffinity(_: NodeState, states: readonly NodeState[]): { pod: Pod; state: NodeState }[] {
  return states.flatMap((state) =>
    state.pods
      .filter((pod) => pod.spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.length)
      .map((pod) => ({ pod, state })),
  )
}

/** How uneven the domains are once the pod is on this node. A node outside all domains is as uneven as can be. */
function skewAfter(
  pod: Pod,
  constraint: TopologySpreadConstraint,
  state: NodeState,
  states: readonly NodeState[],
): number {
  const { topologyKey, labelSelector } = constraint
  const here = state.node.metadata.labels?.[topologyKey]
  if (here === undefined) return Infinity
  const counts = new Map<string, number>()
  for (const each of states) {
    const domain = each.node.metadata.labels?.[topologyKey]
    if (domain === undefined) continue
    const matching = each.pods.filter(
      (other) =>
        other.metadata.namespace === pod.metadata.namespace && matchesLabels(labelSelector, other.metadata.labels),
    )
    counts.set(domain, (counts.get(domain) ?? 0) + matching.length)
  }
  return (counts.get(here) ?? 0) + 1 - Math.min(...counts.values())
}
