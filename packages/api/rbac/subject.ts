import type { Static } from 'typebox'
import type { FieldError } from '../error.ts'
import { age } from '../columns.ts'
import { object, text } from '../schema.ts'

/** Who gets the rights: a user, a group or a service account. */
export const Subject = object(
  { kind: text, name: text },
  { apiGroup: text, namespace: text },
  {
    'x-kubernetes-map-type': 'atomic',
  },
)
export type Subject = Static<typeof Subject>

/** Which role gives the rights. */
export const RoleRef = object({ kind: text, name: text }, { apiGroup: text }, { 'x-kubernetes-map-type': 'atomic' })
export type RoleRef = Static<typeof RoleRef>

const rbacGroup = 'rbac.authorization.k8s.io'

/** The parts that both kinds of binding have. */
export interface Binding {
  subjects?: Subject[]
  roleRef: RoleRef
}

/** Fill the groups that follow from the kinds. */
export function fillBinding(binding: Binding): void {
  if (binding.roleRef && !binding.roleRef.apiGroup) binding.roleRef.apiGroup = rbacGroup
  for (const subject of Array.isArray(binding.subjects) ? binding.subjects : [])
    if (subject && !subject.apiGroup && subject.kind !== 'ServiceAccount') subject.apiGroup = rbacGroup
}

/** What is wrong with a binding. @param roleKinds the kinds of role that it may name */
export function checkBinding(binding: Binding, roleKinds: string[]): FieldError[] {
  const { roleRef } = binding
  const errors: FieldError[] = []
  if (roleRef.apiGroup !== rbacGroup)
    errors.push({ field: 'roleRef.apiGroup', message: `must be ${rbacGroup}`, reason: 'FieldValueNotSupported' })
  if (!roleKinds.includes(roleRef.kind))
    errors.push({
      field: 'roleRef.kind',
      message: `must be ${roleKinds.join(' or ')}`,
      reason: 'FieldValueNotSupported',
    })
  if (!roleRef.name) errors.push({ field: 'roleRef.name', message: 'name the role', reason: 'FieldValueRequired' })
  for (const [index, subject] of (binding.subjects ?? []).entries()) {
    const at = `subjects[${index}]`
    if (!subject.name) errors.push({ field: `${at}.name`, message: 'name the subject', reason: 'FieldValueRequired' })
    if (!['User', 'Group', 'ServiceAccount'].includes(subject.kind))
      errors.push({
        field: `${at}.kind`,
        message: 'must be User, Group or ServiceAccount',
        reason: 'FieldValueNotSupported',
      })
    if (subject.kind === 'ServiceAccount' && !subject.namespace)
      errors.push({
        field: `${at}.namespace`,
        message: 'say in which namespace the service account is',
        reason: 'FieldValueRequired',
      })
  }
  return errors
}

/** A binding keeps its role, so that a right to change subjects is not one to change roles. */
export function checkBindingUpdate(next: Binding, previous: Binding): FieldError[] {
  const same = (['kind', 'name', 'apiGroup'] as const).every((field) => next.roleRef[field] === previous.roleRef[field])
  return same
    ? []
    : [
        {
          field: 'roleRef',
          message: 'cannot change; delete the binding and make it anew with the other role',
          reason: 'FieldValueInvalid',
        },
      ]
}

/** Subjects of one kind with commas between, for tables. */
function subjectNames(binding: Binding, kind: string): string {
  return (binding.subjects ?? [])
    .filter((subject) => subject.kind === kind)
    .map(({ name, namespace }) => (kind === 'ServiceAccount' ? `${namespace}/${name}` : name))
    .join(', ')
}

/** The columns of both kinds of bindings. */
export const bindingColumns = [
  { name: 'Role', path: ({ roleRef }: Binding) => `${roleRef.kind}/${roleRef.name}` },
  age,
  { name: 'Users', priority: 1, path: (binding: Binding) => subjectNames(binding, 'User') },
  { name: 'Groups', priority: 1, path: (binding: Binding) => subjectNames(binding, 'Group') },
  { name: 'ServiceAccounts', priority: 1, path: (binding: Binding) => subjectNames(binding, 'ServiceAccount') },
]
