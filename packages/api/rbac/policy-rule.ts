import type { Static } from 'typebox'
import type { FieldError } from '../error.ts'
import { object, texts } from '../schema.ts'

/** What may be done: verbs on resources, or on paths that are no resources. */
export const PolicyRule = object(
  { verbs: texts },
  { apiGroups: texts, resources: texts, resourceNames: texts, nonResourceURLs: texts },
)
export type PolicyRule = Static<typeof PolicyRule>

/** What is wrong with the rules of a role. @param namespaced whether paths outside resources are out of reach */
export function checkRules(rules: PolicyRule[] | null | undefined, namespaced: boolean): FieldError[] {
  return (rules ?? []).flatMap((rule, index): FieldError[] => {
    const at = `rules[${index}]`
    if (rule.verbs.length === 0)
      return [{ field: `${at}.verbs`, message: 'name at least one verb', reason: 'FieldValueRequired' }]
    if (rule.nonResourceURLs?.length) {
      if (namespaced) return [{ field: `${at}.nonResourceURLs`, message: 'belong into a ClusterRole; a Role has none' }]
      if (rule.apiGroups?.length || rule.resources?.length || rule.resourceNames?.length)
        return [{ field: `${at}.nonResourceURLs`, message: 'cannot stand beside resources; make a rule for each' }]
      return []
    }
    if (!rule.apiGroups?.length)
      return [
        {
          field: `${at}.apiGroups`,
          message: 'name the API groups; "" is the core group',
          reason: 'FieldValueRequired',
        },
      ]
    if (!rule.resources?.length)
      return [{ field: `${at}.resources`, message: 'name at least one resource', reason: 'FieldValueRequired' }]
    return []
  })
}
