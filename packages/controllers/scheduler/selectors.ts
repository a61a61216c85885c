import type { NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, Toleration } from '@thresher/api/core/affinity'
import type { Node } from '@thresher/api/core/node'
import type { LabelSelector } from '@thresher/api/meta'
import type { Static } from 'typebox'

export type Taint = NonNullable<NonNullable<Node['spec']>['taints']>[number]
type Selector = Static<typeof LabelSelector>
type Labels = Record<string, string> | undefined

/** Whether a node satisfies one of a selector's terms. */
export function matchesNode(selector: NodeSelector, node: Node): boolean {
  return selector.nodeSelectorTerms.some((term) => matchesTerm(term, node))
}

/** Whether a node satisfies all of a term. An empty term matches nothing, as in Kubernetes. */
export function matchesTerm(term: NodeSelectorTerm, node: Node): boolean {
  const { matchExpressions = [], matchFields = [] } = term
  if (matchExpressions.length === 0 && matchFields.length === 0) return false
  return (
    matchExpressions.every((each) => matchesRequirement(each, node.metadata.labels?.[each.key])) &&
    matchFields.every((each) => matchesRequirement(each, each.key === 'metadata.name' ? node.metadata.name : undefined))
  )
}

function matchesRequirement({ operator, values = [] }: NodeSelectorRequirement, value: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value)
    case 'NotIn':
      return value === undefined || !values.includes(value)
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
    case 'Gt':
      return value !== undefined && Number(value) > Number(values[0])
    case 'Lt':
      return value !== undefined && Number(value) < Number(values[0])
    default:
      return false
  }
}

/** Whether labels satisfy a selector. No selector matches nothing, an empty one everything. */
export function matchesLabels(selector: Selector | undefined, labels: Labels): boolean {
  if (!selector) return false
  for (const [name, value] of Object.entries(selector.matchLabels ?? {})) if (labels?.[name] !== value) return false
  return (selector.matchExpressions ?? []).every((each) =>
    matchesRequirement(each as NodeSelectorRequirement, labels?.[each.key]),
  )
}

/** Whether one of the tolerations puts up with a taint. */
export function tolerates(tolerations: Toleration[] | undefined, taint: Taint): boolean {
  return (tolerations ?? []).some(
    ({ key, operator = 'Equal', value = '', effect }) =>
      (!effect || effect === taint.effect) &&
      (key ? key === taint.key : operator === 'Exists') &&
      (operator === 'Exists' || value === (taint.value ?? '')),
  )
}

/** A taint as people write it. */
export function describeTaint({ key, value, effect }: Taint): string {
  return `${key}${value ? `=${value}` : ''}:${effect}`
}
