import type { Static } from 'typebox'
import { object, optional, text } from '../schema.ts'

/** Any object, in full. */
export const ObjectReference = optional(
  { apiVersion: text, kind: text, name: text, namespace: text, uid: text, resourceVersion: text, fieldPath: text },
  { 'x-kubernetes-map-type': 'atomic' },
)
export type ObjectReference = Static<typeof ObjectReference>

/** An object of a known kind in the same namespace. */
export const LocalObjectReference = optional({ name: text }, { 'x-kubernetes-map-type': 'atomic' })
export type LocalObjectReference = Static<typeof LocalObjectReference>

/** An object of any kind in the same namespace. */
export const TypedLocalObjectReference = object(
  { kind: text, name: text },
  { apiGroup: text },
  { 'x-kubernetes-map-type': 'atomic' },
)
export type TypedLocalObjectReference = Static<typeof TypedLocalObjectReference>

/** An object of any kind, in this namespace or another. */
export const TypedObjectReference = object({ kind: text, name: text }, { apiGroup: text, namespace: text })
export type TypedObjectReference = Static<typeof TypedObjectReference>

/** A Secret in any namespace. */
export const SecretReference = optional({ name: text, namespace: text }, { 'x-kubernetes-map-type': 'atomic' })
