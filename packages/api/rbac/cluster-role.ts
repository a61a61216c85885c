import { Type } from '../type.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { LabelSelector } from '../meta.ts'
import { list, optional } from '../schema.ts'
import { checkRules } from './policy-rule.ts'
import { nullableRules } from './role.ts'

/** Rights in every namespace, or to bind in one. With an aggregation rule its rules are collected from other roles. */
export const ClusterRole = defineKind({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'ClusterRole',
  description:
    'Rights in every namespace, or to bind in one. With an aggregation rule its rules are collected from other roles.',
  plural: 'clusterroles',
  namespaced: false,
  fields: {
    rules: Type.Optional(nullableRules()),
    aggregationRule: Type.Optional(optional({ clusterRoleSelectors: list(LabelSelector) })),
  },
  columns: [{ name: 'Created At', path: '.metadata.creationTimestamp' }],
  check: (role) => checkRules(role.rules, false),
})
export type ClusterRole = ObjectOf<typeof ClusterRole>
