import type { PersistentVolume } from '@thresher/api/core/persistent-volume'
import type { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import type { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import {
  hostnameLabel,
  imageIdAnnotation,
  localDriver,
  restoreFromAnnotation,
  selectedNodeAnnotation,
  snapshotNodeAnnotation,
} from '@thresher/api/names'
import { formatBytes, parseBytes } from '@thresher/api/quantity'
import type { VolumeSnapshotContent } from '@thresher/api/snapshot/volume-snapshot-content'
import { isSnapshotSource, type VolumeSnapshot } from '@thresher/api/snapshot/volume-snapshot'
import type { StorageClass } from '@thresher/api/storage/storage-class'
import type { VolumeId, VolumeSource } from './volume-driver.ts'

/** The next step for a claim on this node. */
export type ClaimStep =
  | { do: 'nothing' }
  | {
      do: 'provision'
      volume: VolumeId
      source: VolumeSource | BackupSource
      bytes: number
      /** Whose file must be on this host first. */
      image?: VirtualMachineImage
    }
  /** Nothing can be done until another object changes. */
  | { do: 'wait'; reason: string; message: string }
  /** Nothing can be done until the claim's author changes or replaces it. */
  | { do: 'refuse'; reason: string; message: string }
  | { do: 'grow'; volume: VolumeId; bytes: number; size: string }
  /** All is done; take back what an earlier failure said. */
  | { do: 'settle' }

/** A disk at the backup target, as `<backup>/<disk>`. */
export interface BackupSource {
  kind: 'backup'
  from: string
}

/** What a decision about a claim rests on. */
export interface ClaimWorld {
  node: string
  claim: PersistentVolumeClaim
  storageClass: StorageClass | undefined
  /** The claim's volume, bound or just made. */
  volume: PersistentVolume | undefined
  /** By `namespace/name`. */
  image(key: string): VirtualMachineImage | undefined
  /** Another claim of the same namespace, and its volume. */
  sourceVolume(claimName: string): PersistentVolume | undefined
  /** A snapshot of the same namespace, and its content. */
  sourceSnapshot(name: string): { snapshot?: VolumeSnapshot; content?: VolumeSnapshotContent }
}

/** The name of a claim's volume, here and as a PersistentVolume. */
export function volumeIdOf(claim: PersistentVolumeClaim): VolumeId {
  return `pvc-${claim.metadata.uid}`
}

/** The image a claim's content comes from, as `namespace/name`. */
export function imageKeyOf(claim: PersistentVolumeClaim, storageClass: StorageClass | undefined): string | undefined {
  const named = claim.metadata.annotations?.[imageIdAnnotation]
  if (named) return named.includes('/') ? named : `${claim.metadata.namespace}/${named}`
  return storageClass?.parameters?.['imageId']
}

/** The node a volume of this driver lies on; undefined for other drivers' volumes. */
export function nodeOf(volume: PersistentVolume): string | undefined {
  if (volume.spec.csi?.driver !== localDriver) return undefined
  const terms = volume.spec.nodeAffinity?.required?.nodeSelectorTerms ?? []
  const expressions = terms.flatMap((term) => term.matchExpressions ?? [])
  return expressions.find(({ key }) => key === hostnameLabel)?.values?.[0]
}

/** Decide about a claim. No I/O. */
export function planClaim(world: ClaimWorld): ClaimStep {
  const { claim, node, volume } = world
  if (claim.metadata.deletionTimestamp) return { do: 'nothing' }
  if (volume) return nodeOf(volume) === node ? planGrowth(world, volume) : { do: 'nothing' }
  if (claim.spec.volumeName) return { do: 'nothing' }
  if (world.storageClass?.provisioner !== localDriver) return { do: 'nothing' }
  if (claim.metadata.annotations?.[selectedNodeAnnotation] !== node) return { do: 'nothing' }
  return planProvision(world)
}

function planProvision(world: ClaimWorld): ClaimStep {
  const { claim } = world
  const bytes = requestedBytes(claim)
  if (bytes === undefined)
    return {
      do: 'refuse',
      reason: 'NoSize',
      message: `${title(claim)} does not say its size; set spec.resources.requests.storage`,
    }
  const volume = volumeIdOf(claim)
  const backup = claim.metadata.annotations?.[restoreFromAnnotation]
  if (backup !== undefined) return { do: 'provision', volume, source: { kind: 'backup', from: backup }, bytes }
  const from = claim.spec.dataSource ?? claim.spec.dataSourceRef
  // What the claim itself names counts more than what its class is for: a copy of an image's volume is of that image's class as well.
  if (from) return planCopy(world, from, volume, bytes)
  const imageKey = imageKeyOf(claim, world.storageClass)
  if (imageKey) return planFromImage(world, imageKey, volume, bytes)
  return { do: 'provision', volume, source: { kind: 'empty' }, bytes }
}

function planCopy(
  world: ClaimWorld,
  from: { apiGroup?: string; kind: string; name: string; namespace?: string },
  volume: VolumeId,
  bytes: number,
): ClaimStep {
  const { claim } = world
  const refuse = (reason: string, message: string): ClaimStep => ({ do: 'refuse', reason, message })
  if (from.namespace && from.namespace !== claim.metadata.namespace)
    return refuse(
      'Unsupported',
      `${title(claim)} asks for content from the namespace ${from.namespace}; volumes are made from what is in their own namespace`,
    )
  if (isSnapshotSource(from)) return planFromSnapshot(world, from.name, volume, bytes)
  if (from.kind !== 'PersistentVolumeClaim')
    return refuse(
      'Unsupported',
      `${title(claim)} asks for content from a ${from.kind}, which local volumes cannot be made from; use a VolumeSnapshot, a PersistentVolumeClaim or an image`,
    )
  const source = world.sourceVolume(from.name)
  if (!source)
    return {
      do: 'wait',
      reason: 'SourceMissing',
      message: `${title(claim)} waits for the claim ${from.name} to have a volume`,
    }
  const handle = source.spec.csi?.volumeHandle
  if (nodeOf(source) !== world.node || !handle)
    return refuse(
      'SourceElsewhere',
      `${title(claim)} cannot copy ${from.name}, whose volume lies on ${nodeOf(source) ?? 'other storage'}; run its virtual machine there`,
    )
  const needed = source.spec.capacity?.['storage']
  if (needed !== undefined && parseBytes(needed) > bytes)
    return refuse(
      'TooSmall',
      `${title(claim)} is smaller than ${from.name}, of which it is a copy; ask for at least ${needed}`,
    )
  return { do: 'provision', volume, source: { kind: 'volume', volume: handle }, bytes }
}

function planFromSnapshot(world: ClaimWorld, name: string, volume: VolumeId, bytes: number): ClaimStep {
  const { claim } = world
  const { snapshot, content } = world.sourceSnapshot(name)
  const { snapshotHandle, readyToUse, restoreSize, error } = content?.status ?? {}
  if (!snapshot || !content || !readyToUse || !snapshotHandle) {
    const why = !snapshot
      ? 'which does not exist; create it'
      : `which is not taken yet${error?.message ? `: ${error.message}` : ''}`
    return { do: 'wait', reason: 'SnapshotNotReady', message: `${title(claim)} needs the snapshot ${name}, ${why}` }
  }
  const home = content.metadata.annotations?.[snapshotNodeAnnotation]
  if (content.spec.driver !== localDriver || home !== world.node)
    return {
      do: 'refuse',
      reason: 'SourceElsewhere',
      message: `${title(claim)} cannot be made from the snapshot ${name}, which lies on ${home ?? 'other storage'}; use a class of the driver ${content.spec.driver}`,
    }
  if (restoreSize !== undefined && restoreSize > bytes)
    return {
      do: 'refuse',
      reason: 'TooSmall',
      message: `${title(claim)} is smaller than the snapshot ${name}; ask for at least ${formatBytes(restoreSize)}`,
    }
  return { do: 'provision', volume, source: { kind: 'snapshot', snapshot: snapshotHandle }, bytes }
}

function planFromImage(world: ClaimWorld, imageKey: string, volume: VolumeId, bytes: number): ClaimStep {
  const { claim } = world
  const image = world.image(imageKey)
  if (!image)
    return {
      do: 'wait',
      reason: 'ImageMissing',
      message: `${title(claim)} needs the image ${imageKey}, which does not exist; create it or choose another`,
    }
  const conditions = image.status?.conditions ?? []
  const failed = conditions.find(({ type, status }) => type === 'RetryLimitExceeded' && status === 'True')
  if (!conditions.some(({ type, status }) => type === 'Imported' && status === 'True')) {
    const why = failed ? `failed: ${failed.message}` : 'is not finished yet'
    return {
      do: 'wait',
      reason: failed ? 'ImageFailed' : 'ImageImporting',
      message: `the import of ${title(claim)}'s image ${imageKey} ${why}`,
    }
  }
  const needed = image.status?.virtualSize ?? 0
  if (needed > bytes)
    return {
      do: 'refuse',
      reason: 'ImageTooLarge',
      message: `${title(claim)} asks for ${claim.spec.resources?.requests?.['storage']}, but the image ${imageKey} needs ${needed} bytes; ask for at least ${Math.ceil(needed / 1024 ** 2)}Mi`,
    }
  return { do: 'provision', volume, source: { kind: 'image', image: image.metadata.uid ?? '' }, image, bytes }
}

function planGrowth({ claim, storageClass }: ClaimWorld, volume: PersistentVolume): ClaimStep {
  const wanted = requestedBytes(claim)
  const size = claim.spec.resources?.requests?.['storage']
  const handle = volume.spec.csi?.volumeHandle
  const now = volume.spec.capacity?.['storage']
  if (wanted === undefined || size === undefined || now === undefined || !handle) return { do: 'nothing' }
  if (volume.spec.claimRef?.uid !== claim.metadata.uid || wanted <= parseBytes(now)) return { do: 'settle' }
  if (storageClass && storageClass.allowVolumeExpansion !== true)
    return {
      do: 'refuse',
      reason: 'ExpansionForbidden',
      message: `${title(claim)} cannot grow to ${size}: its storage class ${storageClass.metadata.name} does not allow it; set allowVolumeExpansion there`,
    }
  return { do: 'grow', volume: handle, bytes: wanted, size }
}

function requestedBytes(claim: PersistentVolumeClaim): number | undefined {
  const size = claim.spec.resources?.requests?.['storage']
  try {
    return size === undefined ? undefined : parseBytes(size)
  } catch {
    return undefined
  }
}

function title(claim: PersistentVolumeClaim): string {
  return `the claim ${claim.metadata.namespace}/${claim.metadata.name}`
}
