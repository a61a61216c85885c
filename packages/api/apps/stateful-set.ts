import { age } from '../columns.ts'
import { PersistentVolumeClaimSpec } from '../core/persistent-volume-claim-spec.ts'
import { PodTemplateSpec } from '../core/pod-spec.ts'
import type { FieldError } from '../error.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { Conditions, LabelSelector, ObjectMeta } from '../meta.ts'
import { AnyObject, having, int32, int64, IntOrString, list, object, oneOf, optional, text } from '../schema.ts'
import { checkWorkload, containerNames, fillWorkload, images } from './workload.ts'
import { same } from '../same.ts'

const claimTemplate = optional({
  apiVersion: text,
  kind: text,
  metadata: ObjectMeta,
  spec: PersistentVolumeClaimSpec,
  status: AnyObject,
})
const changeable = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
]

/** Pods with a name and volumes of their own. */
export const StatefulSet = defineKind({
  group: 'apps',
  version: 'v1',
  kind: 'StatefulSet',
  description: 'Pods with a name and volumes of their own.',
  plural: 'statefulsets',
  shortNames: ['sts'],
  categories: ['all'],
  namespaced: true,
  spec: object(
    { selector: LabelSelector, template: PodTemplateSpec },
    {
      serviceName: having(text, { default: '' }),
      replicas: having(int32, { default: 1 }),
      volumeClaimTemplates: list(claimTemplate),
      podManagementPolicy: having(oneOf('OrderedReady', 'Parallel'), { default: 'OrderedReady' }),
      updateStrategy: optional({
        type: oneOf('RollingUpdate', 'OnDelete'),
        rollingUpdate: optional({ partition: int32, maxUnavailable: IntOrString }),
      }),
      revisionHistoryLimit: having(int32, { default: 10 }),
      minReadySeconds: int32,
      persistentVolumeClaimRetentionPolicy: optional({
        whenDeleted: having(text, { default: 'Retain' }),
        whenScaled: having(text, { default: 'Retain' }),
      }),
      ordinals: optional({ start: int32 }),
    },
  ),
  status: optional({
    observedGeneration: int64,
    replicas: int32,
    readyReplicas: int32,
    currentReplicas: int32,
    updatedReplicas: int32,
    availableReplicas: int32,
    currentRevision: text,
    updateRevision: text,
    collisionCount: int32,
    conditions: Conditions,
  }),
  subresources: {
    scale: {
      specReplicasPath: '.spec.replicas',
      statusReplicasPath: '.status.replicas',
      labelSelectorPath: '.spec.selector',
    },
  },
  columns: [
    { name: 'Ready', path: ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec.replicas ?? 1}` },
    age,
    { name: 'Containers', priority: 1, path: ({ spec }) => containerNames(spec.template) },
    { name: 'Images', priority: 1, path: ({ spec }) => images(spec.template) },
  ],
  fillDefaults(set) {
    fillWorkload(set)
    if (typeof set.spec !== 'object' || set.spec === null) return
    const strategy = (set.spec.updateStrategy ??= {})
    strategy.type ||= 'RollingUpdate'
    if (strategy.type === 'RollingUpdate') (strategy.rollingUpdate ??= {}).partition ??= 0
    set.spec.persistentVolumeClaimRetentionPolicy ??= { whenDeleted: 'Retain', whenScaled: 'Retain' }
  },
  check: checkWorkload,
  checkUpdate(next, previous): FieldError[] {
    const fields = new Set([...Object.keys(next.spec), ...Object.keys(previous.spec)])
    return [...fields]
      .filter((field) => !changeable.includes(field))
      .filter((field) => {
        const name = field as keyof typeof next.spec
        return !same(next.spec[name], previous.spec[name])
      })
      .map((field) => ({
        field: `spec.${field}`,
        message: `cannot change; only ${changeable.join(', ')} can`,
        reason: 'FieldValueForbidden',
      }))
  },
})
export type StatefulSet = ObjectOf<typeof StatefulSet>
