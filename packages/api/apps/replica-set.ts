import { age } from '../columns.ts'
import { PodTemplateSpec } from '../core/pod-spec.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { Conditions, LabelSelector } from '../meta.ts'
import { having, int32, int64, object, optional } from '../schema.ts'
import { checkSelectorUpdate, checkWorkload, containerNames, fillWorkload, images, selectorText } from './workload.ts'

/** A number of pods of one template. */
export const ReplicaSet = defineKind({
  group: 'apps',
  version: 'v1',
  kind: 'ReplicaSet',
  description: 'A number of pods of one template.',
  plural: 'replicasets',
  shortNames: ['rs'],
  categories: ['all'],
  namespaced: true,
  spec: object(
    { selector: LabelSelector, template: PodTemplateSpec },
    { replicas: having(int32, { default: 1 }), minReadySeconds: int32 },
  ),
  status: optional({
    replicas: int32,
    fullyLabeledReplicas: int32,
    readyReplicas: int32,
    availableReplicas: int32,
    terminatingReplicas: int32,
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
    { name: 'Desired', type: 'integer', path: ({ spec }) => spec.replicas ?? 1 },
    { name: 'Current', type: 'integer', path: ({ status }) => status?.replicas ?? 0 },
    { name: 'Ready', type: 'integer', path: ({ status }) => status?.readyReplicas ?? 0 },
    age,
    { name: 'Containers', priority: 1, path: ({ spec }) => containerNames(spec.template) },
    { name: 'Images', priority: 1, path: ({ spec }) => images(spec.template) },
    { name: 'Selector', priority: 1, path: ({ spec }) => selectorText(spec.selector) },
  ],
  selectableFields: ['.status.replicas'],
  fillDefaults: fillWorkload,
  check: checkWorkload,
  checkUpdate: checkSelectorUpdate,
})
export type ReplicaSet = ObjectOf<typeof ReplicaSet>
