import { isReady, Node } from '@thresher/api/core/node'
import { PersistentVolume } from '@thresher/api/core/persistent-volume'
import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { Pod } from '@thresher/api/core/pod'
import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { importNodeAnnotation, selectedNodeAnnotation } from '@thresher/api/names'
import type { KubeObject } from '@thresher/api/meta'
import { same } from '@thresher/api/same'
import { VolumeSnapshotContent } from '@thresher/api/snapshot/volume-snapshot-content'
import { VolumeSnapshot } from '@thresher/api/snapshot/volume-snapshot'
import { CSIDriver } from '@thresher/api/storage/csi-driver'
import { capabilitiesOf } from '@thresher/api/storage/driver-capabilities'
import { isDefaultClass, StorageClass } from '@thresher/api/storage/storage-class'
import { defineController, watch, type Context } from '@thresher/client/controller'
import { keyOf } from '@thresher/client/paths'
import { subjectIs } from '@thresher/client/subject'
import { imageKeyOf } from '../image/claim-image.ts'
import { claimFinalizer } from '../names.ts'
import { claimNames } from '../virtual-machine/claims.ts'
import { namesProvisioner, provisioning, waitsForConsumer } from './binding.ts'
import { claimHome } from './claim-home.ts'
import { volumeFor } from './plan.ts'

/** Binds claims to volumes, chooses the node of claims that do not wait for a consumer, and keeps claims that pods use. */
export const persistentVolumeClaimController = defineController({
  name: 'persistent-volume-claim',
  subject: subjectIs(PersistentVolumeClaim),
  workers: 8,
  watches: [
    watch(
      PersistentVolumeClaim,
      (claim, context, { type }) => [
        keyOf(claim),
        ...(claim.spec.volumeName && type !== 'deleted' ? copiesOf(claim, 'PersistentVolumeClaim', context) : []),
      ],
      {
        class: (claim) => [claim.spec.storageClassName ?? ''],
        source: ({ metadata, spec: { dataSource, volumeName } }) =>
          dataSource && !volumeName ? [`${dataSource.kind}/${metadata.namespace}/${dataSource.name}`] : [],
      },
    ),
    watch(
      PersistentVolume,
      (volume, context) => {
        const ref = volume.spec.claimRef
        return ref ? [`${ref.namespace}/${ref.name}`] : pendingOf(volume.spec.storageClassName ?? '', context)
      },
      { class: (volume) => [volume.spec.storageClassName ?? ''] },
    ),
    watch(
      Pod,
      (pod, context, change) => {
        const ended = change.type === 'deleted' || isOver(pod)
        if (!ended && !pod.spec.nodeName) return []
        return claimKeysOf(pod).filter((key) => {
          const claim = context.objects(PersistentVolumeClaim).get(key)
          if (!claim) return false
          return ended ? claim.metadata.deletionTimestamp : !claim.metadata.annotations?.[selectedNodeAnnotation]
        })
      },
      { claim: claimKeysOf },
    ),
    // A volume that comes to a running guest is in no pod.
    watch(VirtualMachineInstance, (instance) => attachedClaims(instance), { claim: attachedClaims }),
    watch(StorageClass, (storageClass, context) => [
      ...pendingOf(storageClass.metadata.name ?? '', context),
      ...(isDefaultClass(storageClass) ? pendingOf('', context) : []),
    ]),
    // What a driver can do says who makes the volumes of its classes.
    watch(CSIDriver, (driver, context) =>
      context
        .objects(StorageClass)
        .list()
        .filter(({ provisioner }) => provisioner === driver.metadata.name)
        .flatMap((storageClass) => pendingOf(storageClass.metadata.name ?? '', context)),
    ),
    // A first node that is ready may be what claims without a consumer wait for.
    watch(Node, (node, context, { previous }) =>
      isReady(node) && !(previous && isReady(previous))
        ? context
            .objects(PersistentVolumeClaim)
            .list()
            .filter((claim) => !claim.spec.volumeName && !claim.metadata.annotations?.[selectedNodeAnnotation])
            .map(keyOf)
        : [],
    ),
    // What others are copies of.
    watch(
      VolumeSnapshot,
      (snapshot, context) => [...copiesOf(snapshot, 'VolumeSnapshot', context), sourceClaimOf(snapshot)],
      { claim: (snapshot) => (isTaken(snapshot) ? [] : [sourceClaimOf(snapshot)]) },
    ),
    watch(VolumeSnapshotContent, () => []),
    watch(VirtualMachineImage, (image, context) => pendingOf(image.status?.storageClassName ?? '\n', context)),
  ],
  async reconcile(key, context) {
    const claims = context.objects(PersistentVolumeClaim)
    const claim = claims.get(key)
    if (!claim) return
    if (claim.metadata.deletionTimestamp) return release(claim, context)
    const named = await withClass(claim, context)
    const bound = await bind(named, context)
    if (!bound) await chooseNode(named, context)
  },
})

function claimKeysOf(pod: Pod): string[] {
  return (pod.spec.volumes ?? []).flatMap(({ persistentVolumeClaim: source }) =>
    source ? [`${pod.metadata.namespace}/${source.claimName}`] : [],
  )
}

/** The claim that a snapshot is to be taken of. */
function sourceClaimOf({ metadata, spec }: VolumeSnapshot): string {
  return `${metadata.namespace}/${spec.source.persistentVolumeClaimName ?? ''}`
}

/** Whether a snapshot needs its claim no more. */
function isTaken({ metadata, status }: VolumeSnapshot): boolean {
  return status?.readyToUse === true || metadata.deletionTimestamp !== undefined
}

/** Claims without a volume that are to be copies of this object. */
function copiesOf(object: KubeObject, kind: string, context: Context): string[] {
  return context
    .objects(PersistentVolumeClaim)
    .byIndex('source', `${kind}/${keyOf(object)}`)
    .map(keyOf)
}

function isOver(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'
}

/** The keys of the claims that a run has attached, or is to attach. */
function attachedClaims({ metadata, spec, status }: VirtualMachineInstance): string[] {
  if (status?.phase === 'Succeeded' || status?.phase === 'Failed') return []
  const attached = (status?.volumeStatus ?? []).map(({ persistentVolumeClaimInfo: info }) => info?.claimName)
  const names = new Set([...claimNames(spec), ...attached])
  return [...names].flatMap((name) => (name ? [`${metadata.namespace}/${name}`] : []))
}

/** Claims of a class that have no volume yet. */
function pendingOf(className: string, context: Context): string[] {
  return context
    .objects(PersistentVolumeClaim)
    .byIndex('class', className)
    .filter((claim) => !claim.spec.volumeName)
    .map(keyOf)
}

/** Let a claim go once no pod and no running guest uses it. */
async function release(claim: PersistentVolumeClaim, context: Context): Promise<void> {
  const key = keyOf(claim)
  const inPod = context
    .objects(Pod)
    .byIndex('claim', key)
    .some((pod) => !isOver(pod))
  const attached = context
    .objects(VirtualMachineInstance)
    .byIndex('claim', key)
    .some(({ status }) => status?.phase === 'Running')
  // A snapshot of it that is just being taken needs the volume.
  const taken = context
    .objects(VolumeSnapshot)
    .byIndex('claim', key)
    .some(({ status }) => status?.boundVolumeSnapshotContentName && !status.error)
  if (!inPod && !attached && !taken) await context.objects(PersistentVolumeClaim).removeFinalizer(claim, claimFinalizer)
}

/** A claim that names no class gets the default one, should there be one by now. */
async function withClass(claim: PersistentVolumeClaim, context: Context): Promise<PersistentVolumeClaim> {
  if (claim.spec.storageClassName !== undefined || claim.spec.volumeName) return claim
  const standard = context
    .objects(StorageClass)
    .list()
    .filter(isDefaultClass)
    .sort((a, b) => (b.metadata.creationTimestamp ?? '').localeCompare(a.metadata.creationTimestamp ?? ''))[0]
  if (!standard) return claim
  return context
    .objects(PersistentVolumeClaim)
    .update({ ...claim, spec: { ...claim.spec, storageClassName: standard.metadata.name } })
}

/** Join a claim and its volume, if there is one. Each write is found done by the next try, so it may stop anywhere. */
async function bind(claim: PersistentVolumeClaim, context: Context): Promise<boolean> {
  const claims = context.objects(PersistentVolumeClaim)
  const volumes = context.objects(PersistentVolume)
  const { volumeName, storageClassName } = claim.spec
  const known = volumeName ? volumes.get(volumeName) : undefined
  const candidates = known ? [known] : volumeName ? [] : volumes.byIndex('class', storageClassName ?? '')
  const volume = volumeFor(claim, candidates)
  if (!volume) {
    if (volumeName && claim.status?.phase === 'Bound')
      await claims.updateStatus({ ...claim, status: { ...claim.status, phase: 'Lost' } })
    return volumeName !== undefined
  }
  const { name, namespace, uid } = claim.metadata
  const ref = volume.spec.claimRef
  if (ref?.uid && ref.uid !== uid) return true
  if (ref?.uid !== uid) {
    const claimRef = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name, namespace, uid }
    await volumes.update({ ...volume, spec: { ...volume.spec, claimRef } })
  }
  let current = claim
  if (!volumeName)
    current = await claims.update({ ...claim, spec: { ...claim.spec, volumeName: volume.metadata.name } })
  const { capacity, accessModes } = volume.spec
  const status = { ...current.status, phase: 'Bound', capacity: { ...capacity }, accessModes }
  if (!same(status, current.status)) await claims.updateStatus({ ...current, status })
  return true
}

/**
 * A claim gets the node whose agent makes its volume: that of what it is a copy of, else that of its first pod, or any where it need
 * not wait for one.
 */
async function chooseNode(claim: PersistentVolumeClaim, context: Context): Promise<void> {
  const { storageClassName } = claim.spec
  const storageClass = storageClassName ? context.objects(StorageClass).get(storageClassName) : undefined
  if (!storageClass || claim.metadata.annotations?.[selectedNodeAnnotation]) return
  // Others' provisioners make their volumes, and take a selected node for the word of their own scheduler.
  if (!capabilitiesOf(context.objects(CSIDriver).get(storageClass.provisioner))) {
    if (!namesProvisioner(claim)) await annotate(claim, provisioning(storageClass), context)
    return
  }
  const home = claimHome(claim, {
    claim: (key) => context.objects(PersistentVolumeClaim).get(key),
    volume: (name) => context.objects(PersistentVolume).get(name),
    snapshot: (key) => context.objects(VolumeSnapshot).get(key),
    content: (name) => context.objects(VolumeSnapshotContent).get(name),
  })
  const node = home ? home.node : withoutHome(claim, storageClass, context)
  // Without a node there is nothing to do until one comes; see the watches.
  if (!node) return
  await annotate(claim, provisioning(storageClass, node), context)
}

async function annotate(claim: PersistentVolumeClaim, annotations: Record<string, string>, context: Context) {
  await context.objects(PersistentVolumeClaim).patch(claim, { metadata: { annotations } })
}

function withoutHome(claim: PersistentVolumeClaim, storageClass: StorageClass, context: Context) {
  return waitsForConsumer(claim, storageClass) ? consumerNode(claim, context) : anyNode(claim, context)
}

/**
 * Where the first pod of a claim was put, should the scheduler have ended before it could say so; or where the guest runs to
 * which its volume is to come.
 */
function consumerNode(claim: PersistentVolumeClaim, context: Context): string | undefined {
  const key = keyOf(claim)
  const pod = context
    .objects(Pod)
    .byIndex('claim', key)
    .find((one) => one.spec.nodeName && !isOver(one))
  if (pod) return pod.spec.nodeName
  return context
    .objects(VirtualMachineInstance)
    .byIndex('claim', key)
    .find(({ status }) => status?.phase === 'Running')?.status?.nodeName
}

/** The node that has the claim's image, or else the first that is open. */
function anyNode(claim: PersistentVolumeClaim, context: Context): string | undefined {
  const imageKey = imageKeyOf(claim, (name) => context.objects(StorageClass).get(name))
  if (!imageKey) return openNodes(context)[0]
  return context.objects(VirtualMachineImage).get(imageKey)?.metadata.annotations?.[importNodeAnnotation]
}

/** The names of nodes that are ready and take new work, in order. */
export function openNodes(context: Context): string[] {
  return context
    .objects(Node)
    .list()
    .filter((node) => !node.spec?.unschedulable && !node.metadata.deletionTimestamp && isReady(node))
    .map((node) => node.metadata.name ?? '')
    .sort()
}
