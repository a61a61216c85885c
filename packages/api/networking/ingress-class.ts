import { age, column } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { object, optional, text } from '../schema.ts'

/** Who carries out ingresses. */
export const IngressClass = defineKind({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IngressClass',
  description: 'Who carries out ingresses.',
  plural: 'ingressclasses',
  singular: 'ingressclass',
  namespaced: false,
  specOptional: true,
  spec: optional({
    controller: text,
    parameters: object({ kind: text, name: text }, { apiGroup: text, scope: text, namespace: text }),
  }),
  columns: [
    column('Controller', '.spec.controller'),
    { name: 'Parameters', path: ({ spec }) => spec?.parameters?.name ?? '<none>' },
    age,
  ],
})
export type IngressClass = ObjectOf<typeof IngressClass>
