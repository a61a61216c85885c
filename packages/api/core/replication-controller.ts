import { selectorText } from '../apps/workload.ts'
import { age } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { Conditions } from '../meta.ts'
import { having, int32, int64, labels, optional } from '../schema.ts'
import { fillPodDefaults } from './pod-defaults.ts'
import { checkPodSpec } from './pod-rules.ts'
import { PodTemplateSpec } from './pod-spec.ts'

/** A number of pods of one template, in the older form; ReplicaSet is the newer. */
export const ReplicationController = defineKind({
  group: '',
  version: 'v1',
  kind: 'ReplicationController',
  description: 'A number of pods of one template, in the older form; ReplicaSet is the newer.',
  plural: 'replicationcontrollers',
  shortNames: ['rc'],
  categories: ['all'],
  namespaced: true,
  spec: optional({
    replicas: having(int32, { default: 1 }),
    minReadySeconds: int32,
    selector: { ...labels, 'x-kubernetes-map-type': 'atomic' },
    template: PodTemplateSpec,
  }),
  status: optional({
    replicas: int32,
    fullyLabeledReplicas: int32,
    readyReplicas: int32,
    availableReplicas: int32,
    observedGeneration: int64,
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
    { name: 'Desired', type: 'integer', path: ({ spec }) => spec?.replicas ?? 1 },
    { name: 'Current', type: 'integer', path: ({ status }) => status?.replicas ?? 0 },
    { name: 'Ready', type: 'integer', path: ({ status }) => status?.readyReplicas ?? 0 },
    age,
    { name: 'Selector', priority: 1, path: ({ spec }) => selectorText({ matchLabels: spec?.selector }) },
  ],
  fillDefaults(controller) {
    if (typeof controller.spec !== 'object' || controller.spec === null) return
    fillPodDefaults(controller.spec.template?.spec)
    controller.spec.selector ??= controller.spec.template?.metadata?.labels
  },
  check({ spec }) {
    if (!spec?.template?.spec)
      return [{ field: 'spec.template', message: 'say what runs', reason: 'FieldValueRequired' }]
    return checkPodSpec(spec.template.spec, 'spec.template.spec')
  },
})
export type ReplicationController = ObjectOf<typeof ReplicationController>
