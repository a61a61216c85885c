import { age, column, wide } from '../columns.ts'
import { defineKind, type ActionCall, type ObjectOf } from '../kind.ts'
import { Conditions, type KubeObject } from '../meta.ts'
import {
  AnyObject,
  flag,
  having,
  int32,
  int64,
  list,
  listBy,
  object,
  optional,
  ResourceList,
  set,
  text,
  texts,
  time,
} from '../schema.ts'

const role = /^node-role\.kubernetes\.io\/(.+)$/

/** A host that runs pods. */
export const Node = defineKind({
  group: '',
  version: 'v1',
  kind: 'Node',
  description: 'A host that runs pods.',
  plural: 'nodes',
  shortNames: ['no'],
  namespaced: false,
  specOptional: true,
  spec: optional({
    podCIDR: text,
    podCIDRs: having(set(text), { 'x-kubernetes-patch-strategy': 'merge' }),
    providerID: text,
    unschedulable: flag,
    taints: list(object({ key: text, effect: text }, { value: text, timeAdded: time })),
    configSource: AnyObject,
    externalID: text,
  }),
  status: optional({
    capacity: ResourceList,
    allocatable: ResourceList,
    phase: text,
    conditions: Conditions,
    addresses: listBy(object({ type: text, address: text }), ['type', 'address'], 'type'),
    daemonEndpoints: optional({ kubeletEndpoint: object({ Port: int32 }) }),
    nodeInfo: object(
      {
        machineID: text,
        systemUUID: text,
        bootID: text,
        kernelVersion: text,
        osImage: text,
        containerRuntimeVersion: text,
        kubeletVersion: text,
        kubeProxyVersion: text,
        operatingSystem: text,
        architecture: text,
      },
      { swap: optional({ capacity: int64 }) },
    ),
    images: list(optional({ names: texts, sizeBytes: int64 })),
    volumesInUse: list(text),
    volumesAttached: list(object({ name: text, devicePath: text })),
    config: AnyObject,
    runtimeHandlers: list(
      optional({ name: text, features: optional({ recursiveReadOnlyMounts: flag, userNamespaces: flag }) }),
    ),
    features: optional({ supplementalGroupsPolicy: flag }),
    declaredFeatures: texts,
  }),
  columns: [
    {
      name: 'Status',
      path(node) {
        const ready = node.status?.conditions?.find(({ type }) => type === 'Ready')
        const word = !ready ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady'
        return node.spec?.unschedulable ? `${word},SchedulingDisabled` : word
      },
    },
    {
      name: 'Roles',
      path(node) {
        const roles = Object.keys(node.metadata.labels ?? {}).flatMap((label) => role.exec(label)?.[1] ?? [])
        return roles.toSorted().join(',') || '<none>'
      },
    },
    age,
    column('Version', '.status.nodeInfo.kubeletVersion'),
    { name: 'Internal-IP', priority: 1, path: (node) => addressOf(node.status?.addresses, 'InternalIP') },
    { name: 'External-IP', priority: 1, path: (node) => addressOf(node.status?.addresses, 'ExternalIP') },
    wide('OS-Image', '.status.nodeInfo.osImage'),
    wide('Kernel-Version', '.status.nodeInfo.kernelVersion'),
    wide('Container-Runtime', '.status.nodeInfo.containerRuntimeVersion'),
  ],
  actions: [
    { name: 'cordon', offered: ({ spec }) => !spec?.unschedulable, calls: (node) => [setUnschedulable(node, true)] },
    {
      name: 'uncordon',
      offered: ({ spec }) => spec?.unschedulable === true,
      calls: (node) => [setUnschedulable(node, false)],
    },
  ],
  selectableFields: ['.spec.unschedulable'],
  check(node) {
    const seen = new Set<string>()
    return (node.spec?.taints ?? []).flatMap((taint, index) => {
      const field = `spec.taints[${index}]`
      const key = `${taint.key}:${taint.effect}`
      if (!['NoSchedule', 'PreferNoSchedule', 'NoExecute'].includes(taint.effect))
        return [{ field: `${field}.effect`, message: 'must be NoSchedule, PreferNoSchedule or NoExecute' }]
      if (seen.has(key))
        return [{ field, message: `the taint ${key} is there twice`, reason: 'FieldValueDuplicate' as const }]
      seen.add(key)
      return []
    })
  },
})
export type Node = ObjectOf<typeof Node>

/** Whether pods may run on a node now. */
export function isReady({ status }: Node): boolean {
  return status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true
}

function addressOf(addresses: { type: string; address: string }[] | undefined, type: string): string {
  return addresses?.find((address) => address.type === type)?.address ?? '<none>'
}

function setUnschedulable(node: KubeObject, unschedulable: boolean): ActionCall {
  return { method: 'PATCH', path: `/api/v1/nodes/${node.metadata.name}`, body: { spec: { unschedulable } } }
}
