import { age } from '../columns.ts'
import { PodTemplateSpec } from '../core/pod-spec.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { Conditions, LabelSelector } from '../meta.ts'
import { flag, having, int32, int64, IntOrString, object, oneOf, optional } from '../schema.ts'
import { checkSelectorUpdate, checkWorkload, containerNames, fillWorkload, images, selectorText } from './workload.ts'

/** Pods of one template, rolled from version to version. */
export const Deployment = defineKind({
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  description: 'Pods of one template, rolled from version to version.',
  plural: 'deployments',
  shortNames: ['deploy'],
  categories: ['all'],
  namespaced: true,
  spec: object(
    { selector: LabelSelector, template: PodTemplateSpec },
    {
      replicas: having(int32, { default: 1 }),
      strategy: {
        ...optional({
          type: oneOf('Recreate', 'RollingUpdate'),
          rollingUpdate: optional({ maxUnavailable: IntOrString, maxSurge: IntOrString }),
        }),
        'x-kubernetes-patch-strategy': 'retainKeys',
      },
      minReadySeconds: int32,
      revisionHistoryLimit: having(int32, { default: 10 }),
      paused: flag,
      progressDeadlineSeconds: having(int32, { default: 600 }),
    },
  ),
  status: optional({
    observedGeneration: int64,
    replicas: int32,
    updatedReplicas: int32,
    readyReplicas: int32,
    availableReplicas: int32,
    unavailableReplicas: int32,
    terminatingReplicas: int32,
    conditions: Conditions,
    collisionCount: int32,
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
    { name: 'Up-To-Date', type: 'integer', path: ({ status }) => status?.updatedReplicas ?? 0 },
    { name: 'Available', type: 'integer', path: ({ status }) => status?.availableReplicas ?? 0 },
    age,
    { name: 'Containers', priority: 1, path: ({ spec }) => containerNames(spec.template) },
    { name: 'Images', priority: 1, path: ({ spec }) => images(spec.template) },
    { name: 'Selector', priority: 1, path: ({ spec }) => selectorText(spec.selector) },
  ],
  fillDefaults(deployment) {
    fillWorkload(deployment)
    if (typeof deployment.spec !== 'object' || deployment.spec === null) return
    const strategy = (deployment.spec.strategy ??= {})
    strategy.type ||= 'RollingUpdate'
    if (strategy.type !== 'RollingUpdate') return
    strategy.rollingUpdate ??= {}
    strategy.rollingUpdate.maxUnavailable ??= '25%'
    strategy.rollingUpdate.maxSurge ??= '25%'
  },
  check(deployment) {
    const { strategy } = deployment.spec
    const forbidden = strategy?.type === 'Recreate' && strategy.rollingUpdate
    return [
      ...checkWorkload(deployment),
      ...(forbidden
        ? [
            {
              field: 'spec.strategy.rollingUpdate',
              message: 'may not be given when the strategy `type` is Recreate; remove it',
              reason: 'FieldValueForbidden' as const,
            },
          ]
        : []),
    ]
  },
  checkUpdate: checkSelectorUpdate,
})
export type Deployment = ObjectOf<typeof Deployment>
