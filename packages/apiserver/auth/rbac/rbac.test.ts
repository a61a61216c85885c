import { beforeEach, describe, expect, test } from 'vitest'
import type { Attributes, User } from '../../user.ts'
import { forbidden } from '../forbidden.ts'
import { MemoryObjects } from '../memory-objects.ts'
import { aggregatedRules } from './aggregation.ts'
import { EscalationCheck } from './escalation.ts'
import { followRbac } from './follow.ts'
import { RbacAuthorizer } from './rbac-authorizer.ts'
import { rbacGroup, RbacIndex, type BindingObject, type BindingSubject, type RoleObject } from './rbac-index.ts'
import { uncovered, type PolicyRule } from './rules.ts'

const jane: User = { name: 'jane', groups: ['devs', 'system:authenticated'] }
let objects: MemoryObjects
let index: RbacIndex
let authorizer: RbacAuthorizer

beforeEach(() => {
  objects = new MemoryObjects()
  index = new RbacIndex()
  followRbac(index, objects)
  authorizer = new RbacAuthorizer(index)
})

const role = (namespace: string, name: string, ...rules: PolicyRule[]) =>
  objects.create<RoleObject>(
    { group: rbacGroup, plural: namespace ? 'roles' : 'clusterroles' },
    { metadata: { name, ...(namespace ? { namespace } : {}) }, rules },
  )
const bind = (namespace: string, roleKind: string, roleName: string, ...subjects: BindingSubject[]) =>
  objects.create<BindingObject>(
    { group: rbacGroup, plural: namespace ? 'rolebindings' : 'clusterrolebindings' },
    {
      metadata: { name: `${roleName}-binding`, ...(namespace ? { namespace } : {}) },
      roleRef: { kind: roleKind, name: roleName, apiGroup: rbacGroup },
      subjects,
    },
  )
const ask = (user: User, verb: string, target: string, options: Partial<Attributes> = {}): Attributes => {
  const [resource = '', subresource = ''] = target.split('/')
  return {
    user,
    verb,
    resourceRequest: true,
    path: '',
    group: '',
    version: 'v1',
    resource,
    subresource,
    namespace: '',
    name: '',
    ...options,
  }
}
const may = (...args: Parameters<typeof ask>) => authorizer.authorize(ask(...args)).verdict === 'allow'

describe('RBAC', () => {
  test('allows in a namespace what a RoleBinding there grants, and nothing elsewhere', async () => {
    await role('', 'reader', { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] })
    await bind('a', 'ClusterRole', 'reader', { kind: 'User', name: 'jane' })
    expect(may(jane, 'list', 'pods', { namespace: 'a' })).toBe(true)
    expect(may(jane, 'delete', 'pods', { namespace: 'a' })).toBe(false)
    expect(may(jane, 'list', 'secrets', { namespace: 'a' })).toBe(false)
    expect(may(jane, 'list', 'pods', { namespace: 'b' })).toBe(false)
    expect(may(jane, 'list', 'pods')).toBe(false)
    expect(may(jane, 'list', 'pods', { namespace: 'a', group: 'metrics.k8s.io' })).toBe(false)
    expect(may({ name: 'joe', groups: [] }, 'list', 'pods', { namespace: 'a' })).toBe(false)
  })

  test('takes a name apart from a group of the same name', async () => {
    await role('', 'reader', { apiGroups: [''], resources: ['pods'], verbs: ['list'] })
    await bind('', 'ClusterRole', 'reader', { kind: 'Group', name: 'devs' })
    expect(may(jane, 'list', 'pods')).toBe(true)
    expect(may({ name: 'devs', groups: [] }, 'list', 'pods')).toBe(false)
  })

  test('knows service accounts by namespace and name', async () => {
    await role('a', 'reader', { apiGroups: [''], resources: ['pods'], verbs: ['list'] })
    await bind('a', 'Role', 'reader', { kind: 'ServiceAccount', name: 'robot', namespace: 'b' })
    expect(may({ name: 'system:serviceaccount:b:robot', groups: [] }, 'list', 'pods', { namespace: 'a' })).toBe(true)
    expect(may({ name: 'system:serviceaccount:a:robot', groups: [] }, 'list', 'pods', { namespace: 'a' })).toBe(false)
  })

  test('matches subresources, names, wildcards and paths as Kubernetes does', async () => {
    const allows = async (rule: PolicyRule, verb: string, target: string, options: Partial<Attributes> = {}) => {
      const own = new RbacIndex()
      own.put('clusterroles', { metadata: { name: 'r' }, rules: [rule] } as RoleObject)
      own.put('clusterrolebindings', {
        metadata: { name: 'b' },
        roleRef: { kind: 'ClusterRole', name: 'r' },
        subjects: [{ kind: 'User', name: 'jane' }],
      } as BindingObject)
      return new RbacAuthorizer(own).authorize(ask(jane, verb, target, options)).verdict === 'allow'
    }
    const core = { apiGroups: [''], verbs: ['get'] }
    expect(await allows({ ...core, resources: ['pods'] }, 'get', 'pods/log')).toBe(false)
    expect(await allows({ ...core, resources: ['pods/log'] }, 'get', 'pods/log')).toBe(true)
    expect(await allows({ ...core, resources: ['pods/log'] }, 'get', 'pods')).toBe(false)
    expect(await allows({ ...core, resources: ['*/scale'] }, 'get', 'deployments/scale')).toBe(true)
    expect(await allows({ ...core, resources: ['*/scale'] }, 'get', 'deployments')).toBe(false)
    expect(await allows({ ...core, resources: ['*'] }, 'get', 'pods/exec')).toBe(true)
    expect(await allows({ ...core, resources: ['pods/*'] }, 'get', 'pods/exec')).toBe(false)
    expect(await allows({ ...core, resources: ['pods'], resourceNames: ['web'] }, 'get', 'pods', { name: 'web' })).toBe(
      true,
    )
    expect(await allows({ ...core, resources: ['pods'], resourceNames: ['web'] }, 'get', 'pods', { name: 'db' })).toBe(
      false,
    )
    expect(
      await allows({ ...core, verbs: ['list'], resources: ['pods'], resourceNames: ['web'] }, 'list', 'pods'),
    ).toBe(false)
    const path = (at: string) => ({ resourceRequest: false, path: at })
    expect(await allows({ verbs: ['get'], nonResourceURLs: ['/logs/*'] }, 'get', '', path('/logs/a/b'))).toBe(true)
    expect(await allows({ verbs: ['get'], nonResourceURLs: ['/logs/*'] }, 'get', '', path('/metrics'))).toBe(false)
    expect(await allows({ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }, 'get', '', path('/metrics'))).toBe(false)
    expect(await allows({ verbs: ['*'], nonResourceURLs: ['*'] }, 'get', 'pods')).toBe(false)
  })

  test('follows changes and deletions of roles and bindings at once', async () => {
    await role('', 'reader', { apiGroups: [''], resources: ['pods'], verbs: ['list'] })
    const binding = await bind(
      '',
      'ClusterRole',
      'reader',
      { kind: 'User', name: 'jane' },
      { kind: 'User', name: 'joe' },
    )
    const bindings = { group: rbacGroup, plural: 'clusterrolebindings' }
    await objects.update(bindings, { ...binding, subjects: [{ kind: 'User', name: 'joe' }] })
    expect(may(jane, 'list', 'pods')).toBe(false)
    expect(may({ name: 'joe', groups: [] }, 'list', 'pods')).toBe(true)
    await objects.delete(bindings, '', 'reader-binding')
    expect(may({ name: 'joe', groups: [] }, 'list', 'pods')).toBe(false)
  })

  test('says which binding allowed it, and refuses in the words of Kubernetes', async () => {
    await role('', 'reader', { apiGroups: [''], resources: ['pods'], verbs: ['list'] })
    await bind('', 'ClusterRole', 'reader', { kind: 'User', name: 'jane' })
    expect(authorizer.authorize(ask(jane, 'list', 'pods')).reason).toBe(
      'RBAC: allowed by ClusterRoleBinding "reader-binding" of ClusterRole "reader" to User "jane"',
    )
    expect(forbidden(ask({ name: 'x', groups: [] }, 'list', 'pods', { namespace: 'y' })).message).toBe(
      'pods is forbidden: User "x" cannot list resource "pods" in API group "" in the namespace "y"',
    )
    expect(
      forbidden(ask(jane, 'update', 'virtualmachines/start', { group: 'subresources.kubevirt.io', name: 'vm' }))
        .message,
    ).toBe(
      'virtualmachines.subresources.kubevirt.io "vm" is forbidden: User "jane" cannot update resource "virtualmachines/start" in API group "subresources.kubevirt.io" at the cluster scope',
    )
    expect(forbidden(ask(jane, 'get', '', { resourceRequest: false, path: '/metrics' })).message).toBe(
      'forbidden: User "jane" cannot get path "/metrics"',
    )
  })

  test('decides in microseconds among ten thousand bindings', async () => {
    await role('', 'reader', { apiGroups: [''], resources: ['pods'], verbs: ['list'] })
    for (let at = 0; at < 10_000; at++)
      index.put('rolebindings', {
        metadata: { name: `b${at}`, namespace: `ns${at % 100}` },
        roleRef: { kind: 'ClusterRole', name: 'reader' },
        subjects: [{ kind: 'User', name: `user${at}` }],
      } as BindingObject)
    const question = ask({ name: 'user77', groups: ['a', 'b', 'system:authenticated'] }, 'list', 'pods', {
      namespace: 'ns77',
    })
    const rounds = 20_000
    const start = performance.now()
    for (let at = 0; at < rounds; at++)
      if (authorizer.authorize(question).verdict !== 'allow') throw new Error('refused')
    expect(((performance.now() - start) * 1000) / rounds).toBeLessThan(100)
  })
})

describe('uncovered', () => {
  test('finds the permissions that no held rule covers', () => {
    const held = [{ apiGroups: ['', 'apps'], resources: ['pods', '*/scale'], verbs: ['get', 'list'] }]
    expect(uncovered([{ apiGroups: [''], resources: ['pods', 'apps/scale'], verbs: ['get'] }], held)).toEqual([])
    expect(uncovered([{ apiGroups: [''], resources: ['pods'], verbs: ['get', '*'] }], held)).toEqual([
      { verbs: ['*'], apiGroups: [''], resources: ['pods'] },
    ])
    expect(
      uncovered([{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }], [{ ...held[0]!, resourceNames: ['a'] }]),
    ).toHaveLength(1)
    expect(
      uncovered([{ nonResourceURLs: ['/logs/*'], verbs: ['get'] }], [{ nonResourceURLs: ['/log*'], verbs: ['get'] }]),
    ).toEqual([])
    expect(
      uncovered([{ nonResourceURLs: ['*'], verbs: ['get'] }], [{ nonResourceURLs: ['/log*'], verbs: ['get'] }]),
    ).toHaveLength(1)
  })
})

describe('aggregatedRules', () => {
  test('collects the rules of the chosen roles once, and nothing for an empty selector', () => {
    const pods = { apiGroups: [''], resources: ['pods'], verbs: ['get'] }
    const labelled = (name: string, ...rules: PolicyRule[]): RoleObject => ({
      metadata: { name, labels: { to: 'view' } },
      rules,
    })
    const view: RoleObject = {
      metadata: { name: 'view' },
      aggregationRule: { clusterRoleSelectors: [{ matchLabels: { to: 'view' } }] },
    }
    const others = [
      labelled('z', pods),
      labelled('a', { ...pods, verbs: ['list'] }),
      labelled('m', pods),
      { metadata: { name: 'x' }, rules: [pods] },
    ]
    const rules = aggregatedRules(view, [view, ...others])
    expect(rules).toEqual([{ ...pods, verbs: ['list'] }, pods])
    expect(aggregatedRules({ ...view, rules }, others)).toBeUndefined()
    expect(aggregatedRules({ ...view, rules, aggregationRule: { clusterRoleSelectors: [{}] } }, others)).toEqual([])
  })
})

describe('EscalationCheck', () => {
  const secrets: PolicyRule = { apiGroups: [''], resources: ['secrets'], verbs: ['get'] }
  const pods: PolicyRule = { apiGroups: [''], resources: ['pods'], verbs: ['get'] }
  const check = (
    resource: 'roles' | 'clusterroles' | 'rolebindings' | 'clusterrolebindings',
    object: RoleObject | BindingObject,
    previous?: RoleObject,
    user = jane,
  ) => new EscalationCheck(index, authorizer).check({ user, resource, object, previous })

  beforeEach(async () => {
    await role('', 'holder', pods)
    await bind('', 'ClusterRole', 'holder', { kind: 'User', name: 'jane' })
  })

  test('lets a user pass on what he holds and names what he does not', async () => {
    await check('roles', { metadata: { name: 'r', namespace: 'a' }, rules: [pods] })
    await expect(
      check('roles', { metadata: { name: 'r', namespace: 'a' }, rules: [pods, secrets] }),
    ).rejects.toMatchObject({
      code: 403,
      message:
        'roles.rbac.authorization.k8s.io "r" is forbidden: user "jane" (groups=["devs","system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}',
    })
  })

  test('refuses a binding to a role that holds more than the user, also when only a subject is added', async () => {
    await role('', 'secret-reader', secrets)
    const binding: BindingObject = {
      metadata: { name: 'b', namespace: 'a' },
      roleRef: { kind: 'ClusterRole', name: 'secret-reader' },
      subjects: [],
    }
    await expect(check('rolebindings', binding)).rejects.toMatchObject({ code: 403 })
    await expect(
      check('rolebindings', { ...binding, subjects: [{ kind: 'User', name: 'jane' }] }, binding),
    ).rejects.toMatchObject({ code: 403 })
    await expect(
      check('rolebindings', { ...binding, roleRef: { kind: 'ClusterRole', name: 'missing' } }),
    ).rejects.toMatchObject({ code: 404 })
    await check('rolebindings', { ...binding, metadata: { ...binding.metadata, finalizers: ['x'] } }, binding)
  })

  test('refuses to label a stronger role into an aggregated one, and to add an aggregation rule', async () => {
    const strong: RoleObject = { metadata: { name: 's' }, rules: [secrets] }
    await expect(
      check('clusterroles', { ...strong, metadata: { name: 's', labels: { to: 'view' } } }, strong),
    ).rejects.toMatchObject({ code: 403 })
    await expect(
      check('clusterroles', {
        metadata: { name: 'n' },
        aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] },
      }),
    ).rejects.toThrow('must have cluster-admin privileges to use an aggregationRule')
  })

  test('lets pass who has escalate or bind, and administrators', async () => {
    await role(
      '',
      'escalator',
      { apiGroups: [rbacGroup], resources: ['roles'], verbs: ['escalate'] },
      { apiGroups: [rbacGroup], resources: ['clusterroles'], resourceNames: ['secret-reader'], verbs: ['bind'] },
    )
    await bind('', 'ClusterRole', 'escalator', { kind: 'Group', name: 'devs' })
    await role('', 'secret-reader', secrets)
    await role('', 'other', secrets)
    await check('roles', { metadata: { name: 'r', namespace: 'a' }, rules: [secrets] })
    await expect(check('clusterroles', { metadata: { name: 'r' }, rules: [secrets] })).rejects.toMatchObject({
      code: 403,
    })
    const binding = (name: string): BindingObject => ({
      metadata: { name: 'b' },
      roleRef: { kind: 'ClusterRole', name },
      subjects: [],
    })
    await check('clusterrolebindings', binding('secret-reader'))
    await expect(check('clusterrolebindings', binding('other'))).rejects.toMatchObject({ code: 403 })
    await check('clusterrolebindings', binding('other'), undefined, { name: 'root', groups: ['system:masters'] })
  })
})
