import { expect, test, vi } from 'vitest'
import type { User } from '../../user.ts'
import { MemoryObjects } from '../memory-objects.ts'
import { bootstrapBindings, bootstrapRoles } from './bootstrap-policy.ts'
import { followRbac } from './follow.ts'
import { RbacAuthorizer } from './rbac-authorizer.ts'
import { rbacGroup, RbacIndex, type BindingObject, type RoleObject } from './rbac-index.ts'
import { followAggregation, reconcileBootstrapPolicy } from './reconcile.ts'

const roles = { group: rbacGroup, plural: 'clusterroles' }
const bindings = { group: rbacGroup, plural: 'clusterrolebindings' }

async function cluster() {
  const objects = new MemoryObjects()
  const index = new RbacIndex()
  followRbac(index, objects)
  await reconcileBootstrapPolicy(objects)
  const authorizer = new RbacAuthorizer(index)
  const may = (user: User, verb: string, group: string, target: string, namespace = 'a') => {
    const [resource = '', subresource = ''] = target.split('/')
    return (
      authorizer.authorize({
        user,
        verb,
        group,
        resource,
        subresource,
        namespace,
        name: '',
        version: 'v1',
        path: '',
        resourceRequest: true,
      }).verdict === 'allow'
    )
  }
  const bind = (name: string, role: string) =>
    objects.create<BindingObject>(
      { group: rbacGroup, plural: 'rolebindings' },
      {
        metadata: { name, namespace: 'a' },
        roleRef: { kind: 'ClusterRole', name: role },
        subjects: [{ kind: 'User', name }],
      },
    )
  return { objects, may, bind }
}

test('view, edit and admin hold what their names say, for machines as for pods, and never more than the next', async () => {
  const { may, bind } = await cluster()
  for (const role of ['view', 'edit', 'admin']) await bind(role, role)
  const user = (name: string): User => ({ name, groups: ['system:authenticated'] })
  const machine = ['kubevirt.io', 'virtualmachines'] as const
  for (const name of ['view', 'edit', 'admin']) {
    expect(may(user(name), 'list', '', 'pods'), name).toBe(true)
    expect(may(user(name), 'watch', ...machine), name).toBe(true)
    expect(may(user(name), 'list', '', 'pods', 'b'), name).toBe(false)
    expect(may(user(name), 'list', '', 'nodes', ''), name).toBe(false)
  }
  expect(may(user('view'), 'get', '', 'secrets')).toBe(false)
  expect(may(user('view'), 'update', ...machine)).toBe(false)
  expect(may(user('view'), 'get', 'subresources.kubevirt.io', 'virtualmachineinstances/console')).toBe(false)
  expect(may(user('edit'), 'get', '', 'secrets')).toBe(true)
  expect(may(user('edit'), 'update', 'subresources.kubevirt.io', 'virtualmachines/start')).toBe(true)
  expect(may(user('edit'), 'get', 'subresources.kubevirt.io', 'virtualmachineinstances/vnc')).toBe(true)
  expect(may(user('edit'), 'create', rbacGroup, 'rolebindings')).toBe(false)
  expect(may(user('admin'), 'create', rbacGroup, 'rolebindings')).toBe(true)
  expect(may(user('admin'), 'update', '', 'resourcequotas')).toBe(false)
})

test('a second start changes nothing, and brings back what was taken away', async () => {
  const { objects } = await cluster()
  const versions = () =>
    [...objects.list(roles), ...objects.list(bindings)].map((object) => object.metadata.resourceVersion)
  const before = versions()
  await reconcileBootstrapPolicy(objects)
  expect(versions()).toEqual(before)
  const discovery = objects.get<RoleObject>(roles, '', 'system:discovery')!
  await objects.update(roles, { ...discovery, rules: [{ verbs: ['get'], nonResourceURLs: ['/extra'] }] })
  await objects.delete(bindings, '', 'system:discovery')
  await reconcileBootstrapPolicy(objects)
  const again = objects.get<RoleObject>(roles, '', 'system:discovery')!
  const urls = again.rules!.flatMap((rule) => rule.nonResourceURLs ?? [])
  expect(urls).toContain('/extra')
  expect(urls).toContain('/version')
  expect(objects.get(bindings, '', 'system:discovery')).toBeDefined()
})

test('leaves alone what an administrator has marked as his own', async () => {
  const { objects } = await cluster()
  const discovery = objects.get<BindingObject>(bindings, '', 'system:discovery')!
  const own = {
    ...discovery,
    subjects: [],
    metadata: { ...discovery.metadata, annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'false' } },
  }
  await objects.update(bindings, own)
  await reconcileBootstrapPolicy(objects)
  expect(objects.get<BindingObject>(bindings, '', 'system:discovery')!.subjects).toEqual([])
})

test('a new role that is labelled for view reaches view, edit and admin', async () => {
  const { objects, may, bind } = await cluster()
  await bind('admin', 'admin')
  const stop = followAggregation(objects, (error) => expect(error).toBeUndefined())
  const rules = [{ apiGroups: ['example.com'], resources: ['widgets'], verbs: ['get'] }]
  await objects.create<RoleObject>(roles, {
    metadata: { name: 'widgets', labels: { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' } },
    rules,
  })
  await vi.waitFor(() => expect(may({ name: 'admin', groups: [] }, 'get', 'example.com', 'widgets')).toBe(true), 5000)
  await objects.delete(roles, '', 'widgets')
  await vi.waitFor(() => expect(may({ name: 'admin', groups: [] }, 'get', 'example.com', 'widgets')).toBe(false), 5000)
  stop()
})

test('someone who is only logged in may discover and ask about himself, nothing else; the unknown may not even that', async () => {
  const { may } = await cluster()
  const known: User = { name: 'x', groups: ['system:authenticated'] }
  expect(may(known, 'create', 'authorization.k8s.io', 'selfsubjectaccessreviews', '')).toBe(true)
  expect(may(known, 'list', '', 'namespaces', '')).toBe(false)
  expect(
    may(
      { name: 'system:anonymous', groups: ['system:unauthenticated'] },
      'create',
      'authorization.k8s.io',
      'selfsubjectaccessreviews',
      '',
    ),
  ).toBe(false)
})

test('names of bootstrap roles are unique and every binding finds its role', () => {
  const names = bootstrapRoles.map((role) => role.metadata.name)
  expect(new Set(names).size).toBe(names.length)
  for (const binding of bootstrapBindings) expect(names).toContain(binding.roleRef.name)
})
