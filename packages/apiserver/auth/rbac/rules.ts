import type { Attributes } from '../../user.ts'

/** What a role allows. @see rbac.authorization.k8s.io/v1 PolicyRule */
export interface PolicyRule {
  verbs: string[]
  apiGroups?: string[]
  resources?: string[]
  resourceNames?: string[]
  nonResourceURLs?: string[]
}

/** A rule prepared for many questions. */
export interface CompiledRule {
  rule: PolicyRule
  allows(attributes: Attributes): boolean
}

/** Prepare a rule. A rule with paths answers for paths only, one with resources for resources only. */
export function compileRule(rule: PolicyRule): CompiledRule {
  const verb = members(rule.verbs)
  const group = members(rule.apiGroups)
  const resource = resourceMatcher(rule.resources)
  const names = rule.resourceNames?.length ? new Set(rule.resourceNames) : undefined
  const url = urlMatcher(rule.nonResourceURLs)
  return {
    rule,
    allows: (attributes) =>
      attributes.resourceRequest
        ? verb(attributes.verb) &&
          resource(attributes.resource, attributes.subresource) &&
          group(attributes.group) &&
          (names === undefined || names.has(attributes.name))
        : verb(attributes.verb) && url(attributes.path),
  }
}

function members(values: string[] | undefined): (value: string) => boolean {
  const set = new Set(values)
  return set.has('*') ? () => true : (value) => set.has(value)
}

function resourceMatcher(resources: string[] | undefined): (resource: string, subresource: string) => boolean {
  const set = new Set(resources)
  if (set.has('*')) return () => true
  const anyWith = new Set([...set].filter((entry) => entry.startsWith('*/')).map((entry) => entry.slice(2)))
  return (resource, subresource) =>
    subresource === '' ? set.has(resource) : set.has(`${resource}/${subresource}`) || anyWith.has(subresource)
}

function urlMatcher(urls: string[] | undefined): (path: string) => boolean {
  if (!urls?.length) return () => false
  const exact = new Set(urls)
  if (exact.has('*')) return () => true
  const prefixes = urls.filter((url) => url.endsWith('*')).map((url) => url.slice(0, -1))
  return (path) => exact.has(path) || prefixes.some((prefix) => path.startsWith(prefix))
}

/**
 * Those of the `wanted` rules that the `held` ones do not cover.
 *
 * Each wanted rule is broken into single permissions (one verb, group, resource, name or path); a permission is covered
 * when one held rule allows all of it. So two held rules together may cover what neither does alone, as long as no single
 * permission is split between them.
 */
export function uncovered(wanted: PolicyRule[], held: PolicyRule[]): PolicyRule[] {
  return wanted.flatMap(singlePermissions).filter((permission) => !held.some((rule) => covers(rule, permission)))
}

function singlePermissions(rule: PolicyRule): PolicyRule[] {
  const permissions: PolicyRule[] = []
  for (const verb of rule.verbs) {
    for (const url of rule.nonResourceURLs ?? []) permissions.push({ verbs: [verb], nonResourceURLs: [url] })
    for (const group of rule.apiGroups ?? [])
      for (const resource of rule.resources ?? [])
        for (const name of rule.resourceNames?.length ? rule.resourceNames : [undefined])
          permissions.push({
            verbs: [verb],
            apiGroups: [group],
            resources: [resource],
            ...(name === undefined ? {} : { resourceNames: [name] }),
          })
  }
  return permissions
}

function covers(held: PolicyRule, wanted: PolicyRule): boolean {
  const has = (values: string[] | undefined, value: string | undefined) =>
    values !== undefined && value !== undefined && (values.includes('*') || values.includes(value))
  if (!has(held.verbs, wanted.verbs[0])) return false
  const url = wanted.nonResourceURLs?.[0]
  if (url !== undefined)
    return (held.nonResourceURLs ?? []).some(
      (own) => own === '*' || own === url || (own.endsWith('*') && url.startsWith(own.slice(0, -1))),
    )
  const resource = wanted.resources?.[0] ?? ''
  const slash = resource.indexOf('/')
  const coversResource =
    has(held.resources, resource) || (slash > 0 && held.resources?.includes(`*${resource.slice(slash)}`) === true)
  if (!coversResource || !has(held.apiGroups, wanted.apiGroups?.[0])) return false
  const name = wanted.resourceNames?.[0]
  return !held.resourceNames?.length || (name !== undefined && held.resourceNames.includes(name))
}
