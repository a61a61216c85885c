import { Type } from '../type.ts'
import { age } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { list } from '../schema.ts'
import { checkBinding, checkBindingUpdate, fillBinding, RoleRef, Subject, subjectNames } from './subject.ts'

/** The rights of a cluster role for subjects everywhere. */
export const ClusterRoleBinding = defineKind({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'ClusterRoleBinding',
  description: 'The rights of a cluster role for subjects everywhere.',
  plural: 'clusterrolebindings',
  namespaced: false,
  fields: { roleRef: RoleRef, subjects: Type.Optional(list(Subject)) },
  columns: [
    { name: 'Role', path: ({ roleRef }) => `${roleRef.kind}/${roleRef.name}` },
    age,
    { name: 'Users', priority: 1, path: (binding) => subjectNames(binding, 'User') },
    { name: 'Groups', priority: 1, path: (binding) => subjectNames(binding, 'Group') },
    { name: 'ServiceAccounts', priority: 1, path: (binding) => subjectNames(binding, 'ServiceAccount') },
  ],
  fillDefaults: fillBinding,
  check: (binding) => checkBinding(binding, ['ClusterRole']),
  checkUpdate: checkBindingUpdate,
})
export type ClusterRoleBinding = ObjectOf<typeof ClusterRoleBinding>
