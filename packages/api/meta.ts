import type { Static } from 'typebox'
import { Type } from './type.ts'

/** A point in time, RFC 3339 in UTC with whole seconds, such as `2026-01-31T12:00:00Z`. */
export const Time = Type.String({ format: 'date-time' })

/** Who owns an object: when the owner goes, the garbage collector takes the object with it. */
export const OwnerReference = Type.Object(
  {
    apiVersion: Type.String({ minLength: 1 }),
    kind: Type.String({ minLength: 1 }),
    name: Type.String({ minLength: 1 }),
    uid: Type.String({ minLength: 1 }),
    controller: Type.Optional(Type.Boolean()),
    blockOwnerDeletion: Type.Optional(Type.Boolean()),
  },
  { 'x-kubernetes-map-type': 'atomic' },
)
export type OwnerReference = Static<typeof OwnerReference>

/** Which fields one manager set last, as server-side apply records it. */
export const ManagedFieldsEntry = Type.Object({
  manager: Type.Optional(Type.String()),
  operation: Type.Optional(Type.String()),
  apiVersion: Type.Optional(Type.String()),
  time: Type.Optional(Time),
  fieldsType: Type.Optional(Type.String()),
  fieldsV1: Type.Optional(Type.Unknown({ type: 'object', 'x-kubernetes-preserve-unknown-fields': true })),
  subresource: Type.Optional(Type.String()),
})
export type ManagedFieldsEntry = Static<typeof ManagedFieldsEntry>

/** What every object carries. The server owns uid, resourceVersion, generation and the timestamps. */
export const ObjectMeta = Type.Object({
  name: Type.Optional(Type.String()),
  generateName: Type.Optional(Type.String()),
  namespace: Type.Optional(Type.String()),
  uid: Type.Optional(Type.String()),
  resourceVersion: Type.Optional(Type.String()),
  generation: Type.Optional(Type.Integer()),
  creationTimestamp: Type.Optional(Time),
  deletionTimestamp: Type.Optional(Time),
  deletionGracePeriodSeconds: Type.Optional(Type.Integer()),
  labels: Type.Optional(Type.Record(Type.String(), Type.String())),
  annotations: Type.Optional(Type.Record(Type.String(), Type.String())),
  finalizers: Type.Optional(
    Type.Array(Type.String(), { 'x-kubernetes-list-type': 'set', 'x-kubernetes-patch-strategy': 'merge' }),
  ),
  ownerReferences: Type.Optional(
    Type.Array(OwnerReference, {
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['uid'],
      'x-kubernetes-patch-strategy': 'merge',
      'x-kubernetes-patch-merge-key': 'uid',
    }),
  ),
  managedFields: Type.Optional(Type.Array(ManagedFieldsEntry, { 'x-kubernetes-list-type': 'atomic' })),
  selfLink: Type.Optional(Type.String()),
})
export type ObjectMeta = Static<typeof ObjectMeta>

/** One observed fact about an object: what holds, since when and why. */
export const Condition = Type.Object({
  type: Type.String({ minLength: 1 }),
  status: Type.String({ minLength: 1, description: 'True, False or Unknown.' }),
  reason: Type.Optional(Type.String()),
  message: Type.Optional(Type.String()),
  observedGeneration: Type.Optional(Type.Integer()),
  lastTransitionTime: Type.Optional(Time),
  lastProbeTime: Type.Optional(Type.Unsafe<string | null>({ type: 'string', format: 'date-time', nullable: true })),
  lastUpdateTime: Type.Optional(Type.String()),
})
export type Condition = Static<typeof Condition>

/** A list of conditions, merged by type in apply and strategic patches. */
export const Conditions = Type.Array(Condition, {
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['type'],
  'x-kubernetes-patch-strategy': 'merge',
  'x-kubernetes-patch-merge-key': 'type',
})

/** Chooses objects by their labels; all parts must hold. */
export const LabelSelector = Type.Object(
  {
    matchLabels: Type.Optional(Type.Record(Type.String(), Type.String())),
    matchExpressions: Type.Optional(
      Type.Array(
        Type.Object({
          key: Type.String(),
          operator: Type.String({ description: 'In, NotIn, Exists or DoesNotExist.' }),
          values: Type.Optional(Type.Array(Type.String(), { 'x-kubernetes-list-type': 'atomic' })),
        }),
        { 'x-kubernetes-list-type': 'atomic' },
      ),
    ),
  },
  { 'x-kubernetes-map-type': 'atomic' },
)
export type LabelSelector = Static<typeof LabelSelector>

/** The parts that every Kubernetes object has, whatever its kind. */
export interface KubeObject {
  apiVersion?: string
  kind?: string
  metadata: ObjectMeta
}

/** A list answer. */
export interface KubeList<T> {
  apiVersion: string
  kind: string
  metadata: { resourceVersion?: string; continue?: string; remainingItemCount?: number }
  items: T[]
}

/** One line of a watch. ERROR carries a Status, BOOKMARK an object with only its resourceVersion. */
export interface WatchEvent<T = unknown> {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'
  object: T
}
