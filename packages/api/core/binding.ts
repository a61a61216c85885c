import { defineKind, type ObjectOf } from '../kind.ts'
import { ObjectReference } from './references.ts'

/** Puts a pod on a node; posted to the pod's `binding` subresource. */
export const Binding = defineKind({
  group: '',
  version: 'v1',
  kind: 'Binding',
  description: "Puts a pod on a node; posted to the pod's `binding` subresource.",
  plural: 'bindings',
  namespaced: true,
  stored: false,
  fields: { target: ObjectReference },
})
export type Binding = ObjectOf<typeof Binding>
