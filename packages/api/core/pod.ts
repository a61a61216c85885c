import { age } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { fillPodDefaults } from './pod-defaults.ts'
import { checkPodSpec, checkPodUpdate } from './pod-rules.ts'
import { PodSpec } from './pod-spec.ts'
import { podPhrase, readyContainers, restarts } from './pod-summary.ts'
import { PodStatus } from './pod-status.ts'

/** The unit of placement: containers, or a virtual machine, on one node. */
export const Pod = defineKind({
  group: '',
  version: 'v1',
  kind: 'Pod',
  description: 'The unit of placement: containers, or a virtual machine, on one node.',
  plural: 'pods',
  shortNames: ['po'],
  categories: ['all'],
  namespaced: true,
  spec: PodSpec,
  status: PodStatus,
  columns: [
    { name: 'Ready', path: readyContainers },
    { name: 'Status', path: podPhrase },
    { name: 'Restarts', type: 'string', path: restarts },
    age,
    { name: 'IP', priority: 1, path: (pod) => pod.status?.podIP ?? '<none>' },
    { name: 'Node', priority: 1, path: (pod) => pod.spec.nodeName ?? '<none>' },
    { name: 'Nominated Node', priority: 1, path: (pod) => pod.status?.nominatedNodeName ?? '<none>' },
    { name: 'Readiness Gates', priority: 1, path: () => '<none>' },
  ],
  selectableFields: [
    '.spec.nodeName',
    '.spec.restartPolicy',
    '.spec.schedulerName',
    '.spec.serviceAccountName',
    '.spec.hostNetwork',
    '.status.phase',
    '.status.podIP',
    '.status.nominatedNodeName',
  ],
  gracePeriodSeconds: (pod) => {
    const ended = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'
    return ended || !pod.spec.nodeName ? 0 : (pod.spec.terminationGracePeriodSeconds ?? 30)
  },
  fillDefaults(pod) {
    fillPodDefaults(pod.spec)
    if (!pod.status?.phase) pod.status = { ...pod.status, phase: 'Pending' }
  },
  check: (pod) => checkPodSpec(pod.spec, 'spec'),
  checkUpdate: checkPodUpdate,
})
export type Pod = ObjectOf<typeof Pod>
