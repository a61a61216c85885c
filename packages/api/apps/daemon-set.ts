import { age } from '../columns.ts'
import { PodTemplateSpec } from '../core/pod-spec.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { Conditions, LabelSelector } from '../meta.ts'
import { having, int32, int64, IntOrString, object, oneOf, optional } from '../schema.ts'
import { checkSelectorUpdate, checkWorkload, containerNames, fillWorkload, images, selectorText } from './workload.ts'

/** One pod on each node that fits. */
export const DaemonSet = defineKind({
  group: 'apps',
  version: 'v1',
  kind: 'DaemonSet',
  description: 'One pod on each node that fits.',
  plural: 'daemonsets',
  shortNames: ['ds'],
  categories: ['all'],
  namespaced: true,
  spec: object(
    { selector: LabelSelector, template: PodTemplateSpec },
    {
      updateStrategy: optional({
        type: oneOf('RollingUpdate', 'OnDelete'),
        rollingUpdate: optional({ maxUnavailable: IntOrString, maxSurge: IntOrString }),
      }),
      minReadySeconds: int32,
      revisionHistoryLimit: having(int32, { default: 10 }),
    },
  ),
  status: optional({
    currentNumberScheduled: int32,
    numberMisscheduled: int32,
    desiredNumberScheduled: int32,
    numberReady: int32,
    observedGeneration: int64,
    updatedNumberScheduled: int32,
    numberAvailable: int32,
    numberUnavailable: int32,
    collisionCount: int32,
    conditions: Conditions,
  }),
  columns: [
    { name: 'Desired', type: 'integer', path: ({ status }) => status?.desiredNumberScheduled ?? 0 },
    { name: 'Current', type: 'integer', path: ({ status }) => status?.currentNumberScheduled ?? 0 },
    { name: 'Ready', type: 'integer', path: ({ status }) => status?.numberReady ?? 0 },
    { name: 'Up-To-Date', type: 'integer', path: ({ status }) => status?.updatedNumberScheduled ?? 0 },
    { name: 'Available', type: 'integer', path: ({ status }) => status?.numberAvailable ?? 0 },
    {
      name: 'Node Selector',
      path: ({ spec }) => selectorText({ matchLabels: spec.template.spec?.nodeSelector }),
    },
    age,
    { name: 'Containers', priority: 1, path: ({ spec }) => containerNames(spec.template) },
    { name: 'Images', priority: 1, path: ({ spec }) => images(spec.template) },
    { name: 'Selector', priority: 1, path: ({ spec }) => selectorText(spec.selector) },
  ],
  fillDefaults(set) {
    fillWorkload(set)
    if (typeof set.spec !== 'object' || set.spec === null) return
    const strategy = (set.spec.updateStrategy ??= {})
    strategy.type ||= 'RollingUpdate'
    if (strategy.type !== 'RollingUpdate') return
    strategy.rollingUpdate ??= {}
    strategy.rollingUpdate.maxUnavailable ??= 1
    strategy.rollingUpdate.maxSurge ??= 0
  },
  check: checkWorkload,
  checkUpdate: checkSelectorUpdate,
})
export type DaemonSet = ObjectOf<typeof DaemonSet>
