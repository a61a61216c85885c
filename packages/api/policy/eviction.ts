import { Type } from '../type.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { AnyObject } from '../schema.ts'

/** Asks for a pod to go, if budgets allow; posted to the pod's `eviction` subresource. */
export const Eviction = defineKind({
  group: 'policy',
  version: 'v1',
  kind: 'Eviction',
  description: "Asks for a pod to go, if budgets allow; posted to the pod's `eviction` subresource.",
  plural: 'evictions',
  namespaced: true,
  stored: false,
  fields: { deleteOptions: Type.Optional(AnyObject) },
})
export type Eviction = ObjectOf<typeof Eviction>
