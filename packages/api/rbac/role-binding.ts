import { Type } from '../type.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { list } from '../schema.ts'
import { bindingColumns, checkBinding, checkBindingUpdate, fillBinding, RoleRef, Subject } from './subject.ts'

/** The rights of a role, or of a cluster role, for subjects in one namespace. */
export const RoleBinding = defineKind({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'RoleBinding',
  description: 'The rights of a role, or of a cluster role, for subjects in one namespace.',
  plural: 'rolebindings',
  namespaced: true,
  fields: { roleRef: RoleRef, subjects: Type.Optional(list(Subject)) },
  columns: bindingColumns,
  fillDefaults: fillBinding,
  check: (binding) => checkBinding(binding, ['Role', 'ClusterRole']),
  checkUpdate: checkBindingUpdate,
})
export type RoleBinding = ObjectOf<typeof RoleBinding>
