import type { RequestInfo } from '../request.ts'
import type { User } from '../user.ts'

/** How much of a request is written down. */
export type Level = 'None' | 'Metadata' | 'Request' | 'RequestResponse'
const levels: readonly string[] = ['None', 'Metadata', 'Request', 'RequestResponse']

/** Which requests a level is for: all that is named must fit, what is not named fits always. */
export interface PolicyRule {
  level: Level
  users?: string[]
  userGroups?: string[]
  verbs?: string[]
  namespaces?: string[]
  resources?: { group?: string; resources?: string[]; resourceNames?: string[] }[]
  nonResourceURLs?: string[]
}

/** audit.k8s.io/v1 Policy: the first rule that fits decides; nothing is written where none does. */
export interface Policy {
  apiVersion: 'audit.k8s.io/v1'
  kind: 'Policy'
  rules: PolicyRule[]
}

const read = ['get', 'list', 'watch']

/** Every change by anyone, and every look at a secret; not the machinery's own reading and heartbeats. */
export const defaultPolicy: Policy = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  rules: [
    {
      level: 'None',
      nonResourceURLs: [
        '/livez*',
        '/readyz*',
        '/healthz*',
        '/version',
        '/metrics',
        '/openapi/*',
        '/api',
        '/apis',
        '/api/*',
        '/apis/*',
      ],
    },
    {
      level: 'None',
      resources: [
        { group: 'coordination.k8s.io', resources: ['leases'] },
        { group: '', resources: ['events'] },
        { group: 'events.k8s.io', resources: ['events'] },
      ],
    },
    {
      level: 'Metadata',
      resources: [{ group: '', resources: ['secrets', 'serviceaccounts/token'] }, { group: 'auth.thresher.io' }],
    },
    {
      level: 'Metadata',
      resources: [
        { group: 'subresources.kubevirt.io' },
        { group: '', resources: ['pods/exec', 'pods/attach', 'pods/portforward'] },
      ],
    },
    { level: 'None', verbs: read },
    {
      level: 'None',
      users: ['system:apiserver', 'system:thresher:controllers'],
      resources: [
        { group: '', resources: ['*/status'] },
        { group: 'kubevirt.io', resources: ['*/status'] },
      ],
    },
    { level: 'Metadata' },
  ],
}

/** The level for a request. */
export function levelOf(policy: Policy, user: User, info: RequestInfo): Level {
  return policy.rules.find((rule) => fits(rule, user, info))?.level ?? 'None'
}

/** Read a policy that an administrator has written. @throws {Error} that says what is wrong */
export function parsePolicy(value: unknown): Policy {
  const policy = value as Partial<Policy> | null
  if (
    typeof policy !== 'object' ||
    policy === null ||
    policy.kind !== 'Policy' ||
    policy.apiVersion !== 'audit.k8s.io/v1' ||
    !Array.isArray(policy.rules)
  )
    throw new Error('an audit policy needs apiVersion audit.k8s.io/v1, kind Policy and a list of rules')
  policy.rules.forEach((rule, at) => {
    if (!levels.includes(rule?.level))
      throw new Error(`rules[${at}].level of the audit policy must be one of ${levels.join(', ')}`)
    for (const field of ['users', 'userGroups', 'verbs', 'namespaces', 'nonResourceURLs', 'resources'] as const)
      if (rule[field] !== undefined && !Array.isArray(rule[field]))
        throw new Error(`rules[${at}].${field} of the audit policy must be a list`)
  })
  return policy as Policy
}

function fits(rule: PolicyRule, user: User, info: RequestInfo): boolean {
  const has = (list: string[] | undefined, value: string) => !list?.length || list.includes(value)
  if (!has(rule.users, user.name) || !has(rule.verbs, info.verb)) return false
  if (rule.userGroups?.length && !rule.userGroups.some((group) => user.groups.includes(group))) return false
  if (!rule.resources?.length && !rule.nonResourceURLs?.length)
    return !rule.namespaces?.length || (info.resourceRequest && has(rule.namespaces, info.namespace))
  if (!info.resourceRequest)
    return (rule.nonResourceURLs ?? []).some(
      (url) => url === '*' || url === info.path || (url.endsWith('*') && info.path.startsWith(url.slice(0, -1))),
    )
  if (!has(rule.namespaces, info.namespace)) return false
  const target = info.subresource ? `${info.resource}/${info.subresource}` : info.resource
  return (rule.resources ?? []).some(
    ({ group = '', resources, resourceNames }) =>
      group === info.group &&
      has(resourceNames, info.name) &&
      (!resources?.length ||
        resources.some(
          (one) =>
            one === '*' ||
            one === target ||
            one === `${info.resource}/*` ||
            (one.startsWith('*/') && info.subresource !== '' && one.slice(2) === info.subresource),
        )),
  )
}
