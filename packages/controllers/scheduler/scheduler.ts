import { Node } from '@thresher/api/core/node'
import { PersistentVolume } from '@thresher/api/core/persistent-volume'
import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { Pod } from '@thresher/api/core/pod'
import { same } from '@thresher/api/same'
import { VolumeSnapshotContent } from '@thresher/api/snapshot/volume-snapshot-content'
import { VolumeSnapshot } from '@thresher/api/snapshot/volume-snapshot'
import { CSIDriver } from '@thresher/api/storage/csi-driver'
import { capabilitiesOf } from '@thresher/api/storage/driver-capabilities'
import { StorageClass } from '@thresher/api/storage/storage-class'
import { findCondition, setCondition } from '@thresher/client/conditions'
import { watch, type Context, type Controller } from '@thresher/client/controller'
import { keyOf } from '@thresher/client/paths'
import { subjectIs } from '@thresher/client/subject'
import { isReason } from '@thresher/api/error'
import { amountsOf, requestsOf, type Amounts } from './resources.ts'
import { provisioning } from '../persistent-volume/binding.ts'
import { schedule, type NodeState } from './schedule.ts'
import { volumeNeed, type VolumeLookup, type VolumeNeed } from './volumes.ts'

/** Gives each pod a node, or says why it cannot. Pods that found none are tried again when something changes. */
export function schedulerController(): Controller {
  /** Pods without a node, each with the last word on why. */
  const waiting = new Set<string>()
  /** Decided, though the informer of pods may not have seen it yet: pod uid → node name. */
  const assumed = new Map<string, string>()
  /** What a pod asks for, read once for each version of it. */
  const requests = new WeakMap<Pod, Amounts>()

  const requestsFor = (pod: Pod): Amounts => {
    const held = requests.get(pod)
    if (held) return held
    const read = requestsOf(pod)
    requests.set(pod, read)
    return read
  }

  /** The nodes with all that is on them, with decisions not yet seen counted in. */
  const nodeStates = (context: Context): NodeState[] => {
    const pods = context.objects(Pod)
    const extra = new Map<string, Pod[]>()
    for (const pod of assumed.size > 0 ? pods.byIndex('node', '') : []) {
      const name = assumed.get(pod.metadata.uid ?? '')
      if (name) extra.set(name, [...(extra.get(name) ?? []), pod])
    }
    return context
      .objects(Node)
      .list()
      .filter((node) => !node.metadata.deletionTimestamp)
      .map((node) => {
        const name = node.metadata.name ?? ''
        const here = [...pods.byIndex('node', name).filter((pod) => !hasEnded(pod)), ...(extra.get(name) ?? [])]
        const used: Record<string, number> = {}
        for (const pod of here)
          for (const [resource, amount] of Object.entries(requestsFor(pod)))
            used[resource] = (used[resource] ?? 0) + amount
        return { node, allocatable: amountsOf(node.status?.allocatable ?? node.status?.capacity), pods: here, used }
      })
  }

  return {
    name: 'scheduler',
    subject: subjectIs(Pod),
    workers: 16,
    watches: [
      watch(
        Pod,
        (pod, _, change) => {
          const uid = pod.metadata.uid ?? ''
          if (change.type === 'deleted' || pod.spec.nodeName) assumed.delete(uid)
          if (change.type === 'deleted') waiting.delete(keyOf(pod))
          if (change.type !== 'deleted' && !pod.spec.nodeName) return [keyOf(pod)]
          // A pod that went or ended left room.
          return change.type === 'deleted' || hasEnded(pod) ? [...waiting] : []
        },
        { node: (pod) => [pod.spec.nodeName ?? ''] },
      ),
      watch(Node, (node, _, change) =>
        change.type === 'updated' && sameForPods(node, change.previous) ? [] : [...waiting],
      ),
      watch(PersistentVolumeClaim, (claim) => inNamespace(waiting, claim.metadata.namespace)),
      watch(PersistentVolume, () => [...waiting]),
      watch(VolumeSnapshot, (snapshot) => inNamespace(waiting, snapshot.metadata.namespace)),
      watch(VolumeSnapshotContent, () => []),
      watch(StorageClass, () => [...waiting]),
      watch(CSIDriver, () => [...waiting]),
    ],
    async reconcile(key, context) {
      const pod = context.objects(Pod).get(key)
      const uid = pod?.metadata.uid ?? ''
      if (!pod || pod.spec.nodeName || pod.metadata.deletionTimestamp || hasEnded(pod) || assumed.has(uid)) {
        waiting.delete(key)
        return
      }
      if (pod.spec.schedulingGates?.length) return
      const volumes = volumeNeeds(pod, context)
      const decision = schedule(pod, requestsFor(pod), nodeStates(context), volumes)
      if ('unschedulable' in decision) {
        waiting.add(key)
        await tellUnschedulable(pod, decision.unschedulable, context)
        return
      }
      // From here to the next await nothing else decides, so two pods never get the same room.
      assumed.set(uid, decision.node)
      waiting.delete(key)
      try {
        await place(pod, decision.node, volumes, context)
      } catch (error) {
        assumed.delete(uid)
        if (isReason(error, 'NotFound')) return
        throw error
      }
    },
  }
}

function hasEnded(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'
}

function inNamespace(keys: Iterable<string>, namespace: string | undefined): string[] {
  return [...keys].filter((key) => key.startsWith(`${namespace}/`))
}

/** Whether nothing changed on a node that matters to where pods go. */
function sameForPods(a: Node, b: Node): boolean {
  return (
    same(a.spec, b.spec) &&
    same(a.metadata.labels, b.metadata.labels) &&
    same(a.status?.allocatable, b.status?.allocatable) &&
    findCondition(a.status?.conditions, 'Ready')?.status === findCondition(b.status?.conditions, 'Ready')?.status
  )
}

function volumeNeeds(pod: Pod, context: Context): VolumeNeed[] {
  const lookup: VolumeLookup = {
    namespace: pod.metadata.namespace ?? '',
    claim: (key: string) => context.objects(PersistentVolumeClaim).get(key),
    snapshot: (key: string) => context.objects(VolumeSnapshot).get(key),
    content: (name: string) => context.objects(VolumeSnapshotContent).get(name),
    volume: (name: string) => context.objects(PersistentVolume).get(name),
    storageClass: (name: string) => context.objects(StorageClass).get(name),
    capabilities: (driver: string) => capabilitiesOf(context.objects(CSIDriver).get(driver)),
    nodeExists: (name: string) => context.objects(Node).get(name) !== undefined,
  }
  return (pod.spec.volumes ?? []).flatMap((volume) =>
    volume.persistentVolumeClaim ? [volumeNeed(volume.persistentVolumeClaim.claimName, lookup)] : [],
  )
}

/**
 * Bind the pod to its node, and tell the claims that wait for it. Both go at once: should only the binding succeed, the
 * controller of claims tells them by the pod.
 */
async function place(pod: Pod, node: string, volumes: readonly VolumeNeed[], context: Context): Promise<void> {
  const claims = context.objects(PersistentVolumeClaim)
  const { name = '', namespace = '', uid } = pod.metadata
  const waiting = volumes.flatMap(({ selectNode: claim, storageClass }) =>
    claim && storageClass ? [{ claim, storageClass }] : [],
  )
  const binding = {
    apiVersion: 'v1',
    kind: 'Binding',
    metadata: { name, namespace, uid },
    target: { apiVersion: 'v1', kind: 'Node', name: node },
  }
  const [bound] = await Promise.allSettled([
    context.client.resource(Pod).createSubresource(name, namespace, 'binding', binding),
    ...waiting.map(({ claim, storageClass }) =>
      claims.patch(claim, { metadata: { annotations: provisioning(storageClass, node) } }),
    ),
  ])
  if (bound.status === 'rejected') throw bound.reason
  const message = `Assigned ${namespace}/${name} to ${node}.`
  context.events.record({ object: pod, reason: 'Scheduled', message })
}

async function tellUnschedulable(pod: Pod, message: string, context: Context): Promise<void> {
  const word = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message } as const
  const conditions = setCondition(pod.status?.conditions, word, context.now())
  if (conditions === pod.status?.conditions) return
  await context.objects(Pod).updateStatus({ ...pod, status: { ...pod.status, conditions } })
  context.events.record({ object: pod, type: 'Warning', reason: 'FailedScheduling', message: `${message}.` })
}
