import type { Static } from 'typebox'
import { LabelSelector } from '../meta.ts'
import { int32, int64, labels, list, listBy, object, oneOf, optional, text, texts } from '../schema.ts'

/** One test of a node's label or field. `Gt` and `Lt` compare whole numbers. */
export const NodeSelectorRequirement = object(
  { key: text, operator: oneOf('In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt') },
  { values: texts },
)
export type NodeSelectorRequirement = Static<typeof NodeSelectorRequirement>

/** Tests that must all hold. */
export const NodeSelectorTerm = optional(
  { matchExpressions: list(NodeSelectorRequirement), matchFields: list(NodeSelectorRequirement) },
  { 'x-kubernetes-map-type': 'atomic' },
)
export type NodeSelectorTerm = Static<typeof NodeSelectorTerm>

/** Terms of which one must hold. */
export const NodeSelector = object(
  { nodeSelectorTerms: list(NodeSelectorTerm) },
  {},
  { 'x-kubernetes-map-type': 'atomic' },
)
export type NodeSelector = Static<typeof NodeSelector>

/** Which nodes a pod must or should run on. */
export const NodeAffinity = optional({
  requiredDuringSchedulingIgnoredDuringExecution: NodeSelector,
  preferredDuringSchedulingIgnoredDuringExecution: list(object({ weight: int32, preference: NodeSelectorTerm })),
})

/** Pods whose presence in a topology domain counts. */
export const PodAffinityTerm = object(
  { topologyKey: text },
  {
    labelSelector: LabelSelector,
    namespaces: texts,
    namespaceSelector: LabelSelector,
    matchLabelKeys: texts,
    mismatchLabelKeys: texts,
  },
)
export type PodAffinityTerm = Static<typeof PodAffinityTerm>

const podAffinity = {
  requiredDuringSchedulingIgnoredDuringExecution: list(PodAffinityTerm),
  preferredDuringSchedulingIgnoredDuringExecution: list(object({ weight: int32, podAffinityTerm: PodAffinityTerm })),
}

/** Attraction to nodes and to pods, and distance from pods. */
export const Affinity = optional({
  nodeAffinity: NodeAffinity,
  podAffinity: optional(podAffinity),
  podAntiAffinity: optional(podAffinity),
})
export type Affinity = Static<typeof Affinity>

/** A taint that is put up with; without a key all taints are. */
export const Toleration = optional({
  key: text,
  operator: text,
  value: text,
  effect: text,
  tolerationSeconds: int64,
})
export type Toleration = Static<typeof Toleration>

/** How evenly pods spread over the domains of a topology. */
export const TopologySpreadConstraint = object(
  { maxSkew: int32, topologyKey: text, whenUnsatisfiable: text },
  {
    labelSelector: LabelSelector,
    matchLabelKeys: texts,
    minDomains: int32,
    nodeAffinityPolicy: text,
    nodeTaintsPolicy: text,
  },
)
export type TopologySpreadConstraint = Static<typeof TopologySpreadConstraint>

/** Spread constraints, told apart by topology and what to do when they cannot be met. */
export const TopologySpreadConstraints = listBy(
  TopologySpreadConstraint,
  ['topologyKey', 'whenUnsatisfiable'],
  'topologyKey',
)

/** Labels that a node must carry. */
export const nodeSelector = labels
