import type { LabelSelector, RoleObject } from './rbac-index.ts'
import type { PolicyRule } from './rules.ts'

/**
 * The rules that an aggregated ClusterRole should have: those of all ClusterRoles that its selectors choose, each once,
 * in the order of the roles' names.
 *
 * @returns undefined when the role is not aggregated or already has them
 */
export function aggregatedRules(role: RoleObject, all: Iterable<RoleObject>): PolicyRule[] | undefined {
  const selectors = role.aggregationRule?.clusterRoleSelectors
  if (!selectors?.length) return undefined
  const chosen = [...all]
    .filter(
      (other) => other.metadata.name !== role.metadata.name && selectors.some((selector) => matches(selector, other)),
    )
    .sort((a, b) => ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1))
  const seen = new Set<string>()
  const rules = chosen
    .flatMap((other) => other.rules ?? [])
    .filter((rule) => {
      const key = JSON.stringify(rule)
      return seen.has(key) ? false : seen.add(key)
    })
  return JSON.stringify(rules) === JSON.stringify(role.rules ?? []) ? undefined : rules
}

/** An empty selector chooses nothing here, so that a slip does not hand out every role. */
function matches(selector: LabelSelector, role: RoleObject): boolean {
  const labels = role.metadata.labels ?? {}
  const wanted = Object.entries(selector.matchLabels ?? {})
  const expressions = selector.matchExpressions ?? []
  if (wanted.length + expressions.length === 0) return false
  return (
    wanted.every(([key, value]) => labels[key] === value) &&
    expressions.every(({ key, operator, values = [] }) => {
      const value = Object.hasOwn(labels, key) ? labels[key] : undefined
      if (operator === 'Exists') return value !== undefined
      if (operator === 'DoesNotExist') return value === undefined
      if (operator === 'In') return value !== undefined && values.includes(value)
      return operator === 'NotIn' && (value === undefined || !values.includes(value))
    })
  )
}
