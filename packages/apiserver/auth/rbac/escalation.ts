import { isDeepStrictEqual } from 'node:util'
import { ApiError } from '@thresher/api/error'
import type { KubeObject } from '@thresher/api/meta'
import type { Attributes, Authorizer, User } from '../../user.ts'
import { mastersGroup } from './rbac-authorizer.ts'
import { rbacGroup, type BindingObject, type RbacIndex, type RoleObject } from './rbac-index.ts'
import { uncovered, type PolicyRule } from './rules.ts'

/** A write of a role or a binding by a user. */
export interface RbacWrite {
  user: User
  resource: 'roles' | 'clusterroles' | 'rolebindings' | 'clusterrolebindings'
  object: RoleObject | BindingObject
  previous?: RoleObject | BindingObject
}

/**
 * Refuses a write by which a user would hand out more than he holds.
 *
 * Who has the verb `escalate` on roles, or `bind` on the role of a binding, may do so nevertheless.
 *
 * @throws {ApiError} Forbidden, with the permissions that are missing
 */
export class EscalationCheck {
  readonly #index: RbacIndex
  readonly #authorizer: Authorizer

  constructor(index: RbacIndex, authorizer: Authorizer) {
    this.#index = index
    this.#authorizer = authorizer
  }

  async check(write: RbacWrite): Promise<void> {
    if (write.user.groups.includes(mastersGroup)) return
    const { resource } = write
    if (resource === 'roles' || resource === 'clusterroles') await this.#checkRole(write)
    else await this.#checkBinding(write)
  }

  async #checkRole(write: RbacWrite): Promise<void> {
    const role = write.object as RoleObject
    const previous = write.previous as RoleObject | undefined
    if (onlyOwnershipDiffers(role, previous)) return
    if (await this.#may(write, 'escalate', write.resource, role.metadata.name ?? '')) return
    if (role.aggregationRule || previous?.aggregationRule) {
      const everything: PolicyRule[] = [
        { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
        { nonResourceURLs: ['*'], verbs: ['*'] },
      ]
      this.#requireHeld(write, everything, 'must have cluster-admin privileges to use an aggregationRule: ')
    }
    this.#requireHeld(write, role.rules ?? [])
  }

  async #checkBinding(write: RbacWrite): Promise<void> {
    const binding = write.object as BindingObject
    if (onlyOwnershipDiffers(binding, write.previous)) return
    const { kind, name } = binding.roleRef
    if (await this.#may(write, 'bind', kind === 'ClusterRole' ? 'clusterroles' : 'roles', name)) return
    const rules = this.#index.rulesOf(binding.roleRef, binding.metadata.namespace ?? '')
    if (!rules) {
      const resource = kind === 'ClusterRole' ? 'clusterroles' : 'roles'
      throw new ApiError('NotFound', `${resource}.${rbacGroup} ${JSON.stringify(name)} not found`, {
        details: { name, group: rbacGroup, kind: resource },
      })
    }
    this.#requireHeld(
      write,
      rules.map(({ rule }) => rule),
    )
  }

  async #may(write: RbacWrite, verb: string, resource: string, name: string): Promise<boolean> {
    const attributes: Attributes = {
      user: write.user,
      verb,
      resourceRequest: true,
      path: '',
      group: rbacGroup,
      version: 'v1',
      resource,
      subresource: '',
      namespace: write.object.metadata.namespace ?? '',
      name,
    }
    return (await this.#authorizer.authorize(attributes)).verdict === 'allow'
  }

  #requireHeld(write: RbacWrite, wanted: PolicyRule[], prefix = ''): void {
    const namespace = write.object.metadata.namespace ?? ''
    const held = [...this.#index.grants(write.user, namespace)].flatMap((grant) => grant.rules.map(({ rule }) => rule))
    const missing = uncovered(wanted, held)
    if (missing.length === 0) return
    const { name = '' } = write.object.metadata
    const who = `user ${JSON.stringify(write.user.name)} (groups=${JSON.stringify(write.user.groups)})`
    throw new ApiError(
      'Forbidden',
      `${write.resource}.${rbacGroup} ${JSON.stringify(name)} is forbidden: ${prefix}${who} is attempting to grant RBAC permissions not currently held:\n${[...new Set(missing.map(describe))].sort().join('\n')}`,
      { details: { name, group: rbacGroup, kind: write.resource } },
    )
  }
}

/**
 * Whether an update leaves all but the garbage collector's fields as they were. Labels count as a change: by a label a
 * role is aggregated into others.
 */
function onlyOwnershipDiffers(next: KubeObject, previous: KubeObject | undefined): boolean {
  if (!previous) return false
  const rest = ({ metadata, ...object }: KubeObject) => {
    const { ownerReferences: _o, finalizers: _f, resourceVersion: _r, managedFields: _m, ...others } = metadata
    return { ...object, metadata: others }
  }
  return isDeepStrictEqual(rest(next), rest(previous))
}

function describe(rule: PolicyRule): string {
  const parts: [string, string[] | undefined][] = [
    ['APIGroups', rule.apiGroups],
    ['Resources', rule.resources],
    ['ResourceNames', rule.resourceNames],
    ['NonResourceURLs', rule.nonResourceURLs],
    ['Verbs', rule.verbs],
  ]
  return `{${parts
    .filter(([, values]) => values?.length)
    .map(([label, values]) => `${label}:${JSON.stringify(values).replaceAll(',', ' ')}`)
    .join(', ')}}`
}
