import { Type } from '../type.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { list, schemaOf } from '../schema.ts'
import { checkRules, PolicyRule } from './policy-rule.ts'

/** Rights within one namespace. */
export const Role = defineKind({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'Role',
  description: 'Rights within one namespace.',
  plural: 'roles',
  namespaced: true,
  fields: { rules: Type.Optional(nullableRules()) },
  columns: [{ name: 'Created At', path: '.metadata.creationTimestamp' }],
  check: (role) => checkRules(role.rules, true),
})
export type Role = ObjectOf<typeof Role>

/** Rules may be null, as clients send for a role without any. */
export function nullableRules() {
  return schemaOf<PolicyRule[] | null>({ ...list(PolicyRule), nullable: true })
}
