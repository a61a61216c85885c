import { PersistentVolume } from '@thresher/api/core/persistent-volume'
import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import { hostnameLabel, localDriver, volumeFileFinalizer } from '@thresher/api/names'
import type { KubeObject } from '@thresher/api/meta'
import { VolumeSnapshotContent } from '@thresher/api/snapshot/volume-snapshot-content'
import { VolumeSnapshot } from '@thresher/api/snapshot/volume-snapshot'
import { StorageClass } from '@thresher/api/storage/storage-class'
import type { Client } from '@thresher/client/client'
import { removeCondition, setCondition } from '@thresher/client/conditions'
import { defineController, watch, type Context, type Controller, type Result } from '@thresher/client/controller'
import { keyOf } from '@thresher/client/paths'
import { noSubject, subjectIs } from '@thresher/client/subject'
import type { ImageCopies } from './image-copies.ts'
import type { FreshVolumes } from './fresh-volumes.ts'
import { imageKeyOf, nodeOf, planClaim, volumeIdOf, type ClaimStep } from './plan-claim.ts'
import type { PromisedSpace } from './promised-space.ts'
import { isDriverError, type VolumeDriver, type VolumeId, type VolumeSource } from './volume-driver.ts'

/** What the volume controllers work with. */
export interface VolumeControlOptions {
  /** The name of this agent's Node. */
  node: string
  driver: VolumeDriver
  fresh: FreshVolumes
  /** Counts what the volumes may come to. */
  space: PromisedSpace
  /** Has the images of other hosts on this one. */
  copies: Pick<ImageCopies, 'ensure'>
  /** Write a disk of a backup into the file of a claim's volume. @throws {DriverError} */
  restore: (request: RestoreRequest) => Promise<void>
}

/** A claim whose content lies at the backup target. */
export interface RestoreRequest {
  client: Client
  claim: PersistentVolumeClaim
  /** `<backup>/<disk>` */
  from: string
  file: string
  bytes: number
  signal: AbortSignal
}

/** Says on a claim why its volume is not made. */
const provisionCondition = 'Provisioned'
/** Says on a claim why its volume did not grow, as Kubernetes names it. */
const growthCondition = 'ControllerResizeError'
const waitForRoomMs = 30_000
const waitForGuestMs = 5_000

/** Makes the volumes of claims that chose this node, and grows them when claims ask for more. */
export function claimController(options: VolumeControlOptions): Controller {
  const { node } = options
  return defineController({
    name: 'local-volume',
    subject: subjectIs(PersistentVolumeClaim),
    watches: [
      watch(
        PersistentVolumeClaim,
        (claim, context) => [
          keyOf(claim),
          ...(claim.spec.volumeName ? copiesOf(claim, 'PersistentVolumeClaim', context) : []),
        ],
        {
          class: (claim) => [claim.spec.storageClassName ?? ''],
          source: ({ metadata, spec: { dataSource, volumeName } }) =>
            dataSource && !volumeName ? [`${dataSource.kind}/${metadata.namespace}/${dataSource.name}`] : [],
        },
      ),
      watch(PersistentVolume, (volume) => {
        const ref = volume.spec.claimRef
        return ref && nodeOf(volume) === node ? [`${ref.namespace}/${ref.name}`] : []
      }),
      watch(StorageClass, (storageClass, context) => pendingOf(storageClass.metadata.name ?? '', context)),
      watch(VirtualMachineImage, (image, context) => claimsWaitingFor(keyOf(image), context)),
      watch(VolumeSnapshot, (snapshot, context) => copiesOf(snapshot, 'VolumeSnapshot', context)),
      watch(VolumeSnapshotContent, ({ spec: { volumeSnapshotRef: ref } }, context) => {
        const snapshot = context.objects(VolumeSnapshot).get(`${ref.namespace}/${ref.name}`)
        return snapshot ? copiesOf(snapshot, 'VolumeSnapshot', context) : []
      }),
    ],
    reconcile: (key, context) => reconcileClaim(key, context, options),
  })
}

/** Deletes the files of this node's volumes that are being deleted. */
export function volumeController({ node, driver }: VolumeControlOptions): Controller {
  return defineController({
    name: 'local-volume-deletion',
    subject: subjectIs(PersistentVolume),
    watches: [
      watch(PersistentVolume),
      watch(PersistentVolumeClaim, (claim) => (claim.spec.volumeName ? [claim.spec.volumeName] : [])),
    ],
    reconcile: async (key, context) => {
      const volumes = context.objects(PersistentVolume)
      const volume = volumes.get(key)
      if (!volume?.metadata.deletionTimestamp || nodeOf(volume) !== node) return
      if (!volume.metadata.finalizers?.includes(volumeFileFinalizer)) return
      if (claimOf(volume, context)) return
      try {
        if (volume.spec.persistentVolumeReclaimPolicy === 'Delete')
          await driver.delete(volume.spec.csi?.volumeHandle ?? '')
      } catch (error) {
        if (!isDriverError(error, 'InUse')) throw error
        context.events.record({ object: volume, type: 'Warning', reason: 'VolumeInUse', message: error.message })
        return { afterMs: waitForGuestMs }
      }
      await volumes.removeFinalizer(volume, volumeFileFinalizer)
    },
  })
}

/** Deletes, once at the start, volumes that were made just before this agent died and whose claims are gone since. */
export function freshVolumeSweep(options: VolumeControlOptions): Controller {
  return defineController({
    name: 'local-volume-sweep',
    subject: noSubject,
    watches: [watch(PersistentVolumeClaim, () => []), watch(PersistentVolume, () => [])],
    keys: ['start'],
    reconcile: async (_key, context) => {
      const removed = await sweep(options, context)
      if (removed.length > 0) context.log('info', `removed unfinished volumes: ${removed.join(', ')}`)
    },
  })
}

async function sweep({ driver, fresh }: VolumeControlOptions, context: Context): Promise<VolumeId[]> {
  const claims = new Set(context.objects(PersistentVolumeClaim).list().map(volumeIdOf))
  const removed: VolumeId[] = []
  for (const id of await fresh.list()) {
    if (context.objects(PersistentVolume).get(id)) {
      await fresh.remove(id)
    } else if (!claims.has(id)) {
      await driver.delete(id)
      await fresh.remove(id)
      removed.push(id)
    }
  }
  return removed
}

async function reconcileClaim(key: string, context: Context, options: VolumeControlOptions): Promise<Result | void> {
  const claim = context.objects(PersistentVolumeClaim).get(key)
  if (!claim) return
  const volumes = context.objects(PersistentVolume)
  const step = planClaim({
    node: options.node,
    claim,
    storageClass: context.objects(StorageClass).get(claim.spec.storageClassName ?? ''),
    volume: volumes.get(claim.spec.volumeName ?? volumeIdOf(claim)),
    image: (imageKey) => context.objects(VirtualMachineImage).get(imageKey),
    sourceVolume: (name) => {
      const source = context.objects(PersistentVolumeClaim).get(`${claim.metadata.namespace}/${name}`)
      return source?.spec.volumeName ? volumes.get(source.spec.volumeName) : undefined
    },
    sourceSnapshot: (name) => {
      const snapshot = context.objects(VolumeSnapshot).get(`${claim.metadata.namespace}/${name}`)
      const content = snapshot?.status?.boundVolumeSnapshotContentName
      return { snapshot, content: content ? context.objects(VolumeSnapshotContent).get(content) : undefined }
    },
  })
  switch (step.do) {
    case 'nothing':
      return
    case 'settle':
      return clear(claim, context)
    case 'wait':
    case 'refuse':
      return complain(claim, claim.spec.volumeName ? growthCondition : provisionCondition, step, context)
    case 'provision':
      return provision(claim, step, context, options)
    case 'grow':
      return grow(claim, step, context, options)
  }
}

async function provision(
  claim: PersistentVolumeClaim,
  { volume, source, bytes, image }: Extract<ClaimStep, { do: 'provision' }>,
  context: Context,
  { driver, fresh, node, space, restore, copies }: VolumeControlOptions,
): Promise<Result | void> {
  const { client, signal } = context
  const content: VolumeSource =
    source.kind === 'backup'
      ? { kind: 'content', fill: (file) => restore({ client, claim, from: source.from, file, bytes, signal }) }
      : source
  try {
    using _promised = await space.promise(volume, bytes, client)
    if (image) await copies.ensure(image, signal)
    await fresh.add(volume)
    await driver.create(volume, content, bytes, signal)
  } catch (error) {
    await fresh.remove(volume)
    if (!isDriverError(error)) throw error
    const { namespace, name } = claim.metadata
    const message = `the volume of the claim ${namespace}/${name} cannot be made: ${error.message}`
    await complain(claim, provisionCondition, { reason: error.reason, message }, context)
    return { afterMs: waitForRoomMs }
  }
  const made = await context.objects(PersistentVolume).ensure(volumeObject(claim, volume, node, context))
  await fresh.remove(volume)
  context.events.record({
    object: claim,
    reason: 'ProvisioningSucceeded',
    message: `the volume ${made.metadata.name} is ready on ${node}`,
  })
}

async function grow(
  claim: PersistentVolumeClaim,
  { volume, bytes, size }: Extract<ClaimStep, { do: 'grow' }>,
  context: Context,
  { driver, space }: VolumeControlOptions,
): Promise<Result | void> {
  try {
    using _promised = await space.promise(volume, bytes, context.client)
    await driver.grow(volume, bytes, context.signal)
  } catch (error) {
    if (!isDriverError(error)) throw error
    const { namespace, name } = claim.metadata
    const message = `the volume of the claim ${namespace}/${name} did not grow to ${size}: ${error.message}`
    await complain(claim, growthCondition, { reason: error.reason, message }, context)
    return { afterMs: error.reason === 'InUse' ? waitForGuestMs : waitForRoomMs }
  }
  const held = context.objects(PersistentVolume).get(claim.spec.volumeName ?? volume)
  if (held) await context.objects(PersistentVolume).patch(held, { spec: { capacity: { storage: size } } })
  const conditions = removeCondition(claim.status?.conditions, growthCondition)
  const capacity = { ...claim.status?.capacity, storage: size }
  await context
    .objects(PersistentVolumeClaim)
    .updateStatus({ ...claim, status: { ...claim.status, capacity, conditions } })
  context.events.record({ object: claim, reason: 'VolumeResizeSuccessful', message: `the volume has grown to ${size}` })
}

/** The PersistentVolume for a claim's new volume. */
function volumeObject(
  claim: PersistentVolumeClaim,
  volume: VolumeId,
  node: string,
  context: Context,
): PersistentVolume {
  const { name, namespace, uid } = claim.metadata
  const storageClass = context.objects(StorageClass).get(claim.spec.storageClassName ?? '')
  const imageId = imageKeyOf(claim, storageClass)
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: {
      name: volume,
      annotations: { 'pv.kubernetes.io/provisioned-by': localDriver },
      finalizers: [volumeFileFinalizer],
    },
    spec: {
      capacity: { storage: claim.spec.resources?.requests?.['storage'] ?? '0' },
      accessModes: claim.spec.accessModes,
      volumeMode: claim.spec.volumeMode ?? 'Filesystem',
      persistentVolumeReclaimPolicy: storageClass?.reclaimPolicy ?? 'Delete',
      storageClassName: claim.spec.storageClassName,
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name, namespace, uid },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: hostnameLabel, operator: 'In', values: [node] }] }],
        },
      },
      csi: {
        driver: localDriver,
        volumeHandle: volume,
        ...(imageId ? { volumeAttributes: { imageId } } : {}),
      },
    },
  }
}

/** Say on the claim, and in an event, what is in the way. */
async function complain(
  claim: PersistentVolumeClaim,
  type: string,
  { reason, message, ...step }: { reason: string; message: string; do?: string },
  context: Context,
): Promise<void> {
  const growing = type === growthCondition
  const word = { type, status: growing ? ('True' as const) : ('False' as const), reason, message }
  const conditions = setCondition(claim.status?.conditions, word, context.now())
  if (conditions === claim.status?.conditions) return
  await context.objects(PersistentVolumeClaim).updateStatus({ ...claim, status: { ...claim.status, conditions } })
  if (step.do === 'wait') context.events.record({ object: claim, reason, message })
  else {
    const event = growing ? 'VolumeResizeFailed' : 'ProvisioningFailed'
    context.events.record({ object: claim, type: 'Warning', reason: event, message })
  }
}

async function clear(claim: PersistentVolumeClaim, context: Context): Promise<void> {
  const before = claim.status?.conditions
  if (!before?.some(({ type }) => type === provisionCondition || type === growthCondition)) return
  const conditions = removeCondition(removeCondition(before, provisionCondition), growthCondition)
  await context.objects(PersistentVolumeClaim).updateStatus({ ...claim, status: { ...claim.status, conditions } })
}

/** The claim that a volume is kept for, while it exists. */
function claimOf(volume: PersistentVolume, context: Context): PersistentVolumeClaim | undefined {
  const { namespace, name, uid } = volume.spec.claimRef ?? {}
  const claim = context.objects(PersistentVolumeClaim).get(`${namespace}/${name}`)
  return claim && claim.metadata.uid === uid ? claim : undefined
}

/** Claims without a volume that are to be made from this object. */
function copiesOf(object: KubeObject, kind: string, context: Context): string[] {
  return context
    .objects(PersistentVolumeClaim)
    .byIndex('source', `${kind}/${keyOf(object)}`)
    .map(keyOf)
}

function pendingOf(className: string, context: Context): string[] {
  const claims = context.objects(PersistentVolumeClaim).byIndex('class', className)
  return claims.filter((claim) => !claim.spec.volumeName).map(keyOf)
}

/** Claims without a volume whose content comes from an image. */
function claimsWaitingFor(imageKey: string, context: Context): string[] {
  const classes = context.objects(StorageClass)
  return context
    .objects(PersistentVolumeClaim)
    .list()
    .filter((claim) => !claim.spec.volumeName)
    .filter((claim) => imageKeyOf(claim, classes.get(claim.spec.storageClassName ?? '')) === imageKey)
    .map(keyOf)
}
