import { Type } from '../type.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { list } from '../schema.ts'
import { bindingColumns, checkBinding, checkBindingUpdate, fillBinding, RoleRef, Subject } from './subject.ts'

/** The rights of a cluster role for subjects everywhere. */
export const ClusterRoleBinding = defineKind({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'ClusterRoleBinding',
  description: 'The rights of a cluster role for subjects everywhere.',
  plural: 'clusterrolebindings',
  namespaced: false,
  fields: { roleRef: RoleRef, subjects: Type.Optional(list(Subject)) },
  columns: bindingColumns,
  fillDefaults: fillBinding,
  check: (binding) => checkBinding(binding, ['ClusterRole']),
  checkUpdate: checkBindingUpdate,
})
export type ClusterRoleBinding = ObjectOf<typeof ClusterRoleBinding>
