import type { KubeObject } from '@thresher/api/meta'
import type { User } from '../../user.ts'
import { compileRule, type CompiledRule, type PolicyRule } from './rules.ts'

export const rbacGroup = 'rbac.authorization.k8s.io'

/** The resources that RBAC reads. */
export const rbacResources = ['roles', 'clusterroles', 'rolebindings', 'clusterrolebindings'] as const
export type RbacResource = (typeof rbacResources)[number]

/** A Role or ClusterRole. */
export interface RoleObject extends KubeObject {
  rules?: PolicyRule[] | null
  aggregationRule?: { clusterRoleSelectors?: LabelSelector[] }
}

export interface LabelSelector {
  matchLabels?: Record<string, string>
  matchExpressions?: { key: string; operator: string; values?: string[] }[]
}

export interface BindingSubject {
  kind: string
  name: string
  namespace?: string
  apiGroup?: string
}

export interface RoleRef {
  apiGroup?: string
  kind: string
  name: string
}

/** A RoleBinding or ClusterRoleBinding. */
export interface BindingObject extends KubeObject {
  roleRef: RoleRef
  subjects?: BindingSubject[] | null
}

/** A grant: these rules, by this binding. An empty namespace means the whole cluster. */
export interface Grant {
  namespace: string
  binding: string
  subject: BindingSubject
  roleRef: RoleRef
  rules: readonly CompiledRule[]
}

interface HeldBinding {
  namespace: string
  name: string
  subject: BindingSubject
  roleRef: RoleRef
}

const clusterWide = ''
const noRules: readonly CompiledRule[] = []

/**
 * Roles and bindings, arranged so that a decision looks only at the bindings of the user who asks.
 *
 * `put` and `remove` are to be called for every object and change of the four RBAC resources.
 */
export class RbacIndex {
  /** By `namespace/name`; ClusterRoles have an empty namespace. */
  readonly #roles = new Map<string, { object: RoleObject; compiled: CompiledRule[] }>()
  /** By namespace (empty: cluster-wide), then by subject key. */
  readonly #bindings = new Map<string, Map<string, HeldBinding[]>>()

  put(resource: RbacResource, object: KubeObject): void {
    const namespace = object.metadata.namespace ?? clusterWide
    const name = object.metadata.name ?? ''
    if (resource === 'roles' || resource === 'clusterroles') {
      const role = object as RoleObject
      this.#roles.set(`${namespace}/${name}`, { object: role, compiled: (role.rules ?? []).map(compileRule) })
      return
    }
    this.remove(resource, namespace, name)
    const binding = object as BindingObject
    let subjects = this.#bindings.get(namespace)
    if (!subjects) this.#bindings.set(namespace, (subjects = new Map()))
    for (const subject of binding.subjects ?? []) {
      const key = subjectKey(subject, namespace)
      if (key === undefined) continue
      const held: HeldBinding = { namespace, name, subject, roleRef: binding.roleRef }
      const list = subjects.get(key)
      if (list) list.push(held)
      else subjects.set(key, [held])
    }
  }

  remove(resource: RbacResource, namespace: string, name: string): void {
    if (resource === 'roles' || resource === 'clusterroles') {
      this.#roles.delete(`${namespace}/${name}`)
      return
    }
    const subjects = this.#bindings.get(namespace)
    for (const [key, list] of subjects ?? []) {
      const rest = list.filter((binding) => binding.name !== name)
      if (rest.length === 0) subjects?.delete(key)
      else if (rest.length < list.length) subjects?.set(key, rest)
    }
  }

  /** The rules of the role that a binding in `namespace` refers to; undefined when there is no such role. */
  rulesOf(roleRef: RoleRef, namespace: string): readonly CompiledRule[] | undefined {
    if (roleRef.apiGroup !== undefined && roleRef.apiGroup !== '' && roleRef.apiGroup !== rbacGroup) return undefined
    if (roleRef.kind === 'ClusterRole') return this.#roles.get(`/${roleRef.name}`)?.compiled
    if (roleRef.kind === 'Role' && namespace !== clusterWide)
      return this.#roles.get(`${namespace}/${roleRef.name}`)?.compiled
    return undefined
  }

  /** All ClusterRoles, for aggregation. */
  *clusterRoles(): Iterable<RoleObject> {
    for (const [key, { object }] of this.#roles) if (key.startsWith('/')) yield object
  }

  /** What a user has been granted, cluster-wide and (unless empty) in `namespace`. */
  *grants(user: User, namespace: string): Iterable<Grant> {
    const keys = [`U:${user.name}`, ...user.groups.map((group) => `G:${group}`)]
    for (const place of namespace === clusterWide ? [clusterWide] : [clusterWide, namespace]) {
      const subjects = this.#bindings.get(place)
      if (!subjects) continue
      for (const key of keys)
        for (const binding of subjects.get(key) ?? [])
          yield {
            namespace: binding.namespace,
            binding: binding.name,
            subject: binding.subject,
            roleRef: binding.roleRef,
            rules: this.rulesOf(binding.roleRef, place) ?? noRules,
          }
    }
  }
}

function subjectKey(subject: BindingSubject, bindingNamespace: string): string | undefined {
  if (subject.kind === 'User') return `U:${subject.name}`
  if (subject.kind === 'Group') return `G:${subject.name}`
  if (subject.kind !== 'ServiceAccount') return undefined
  const namespace = subject.namespace || bindingNamespace
  return namespace === '' ? undefined : `U:system:serviceaccount:${namespace}:${subject.name}`
}
