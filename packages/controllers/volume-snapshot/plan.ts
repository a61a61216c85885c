import type { PersistentVolume } from '@thresher/api/core/persistent-volume'
import type { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import {
  freezeGuestAnnotation,
  snapshotContentFinalizer,
  snapshotGroupAnnotation,
  snapshotGroupSizeAnnotation,
  snapshotNodeAnnotation,
} from '@thresher/api/names'
import { formatBytes } from '@thresher/api/quantity'
import { isDefaultSnapshotClass, type VolumeSnapshotClass } from '@thresher/api/snapshot/volume-snapshot-class'
import type { VolumeSnapshotContent } from '@thresher/api/snapshot/volume-snapshot-content'
import type { VolumeSnapshot } from '@thresher/api/snapshot/volume-snapshot'
import type { DriverCapabilities } from '@thresher/api/storage/driver-capabilities'
import { volumeNode } from '../persistent-volume/claim-home.ts'

/** What a decision about a snapshot rests on. */
export interface SnapshotWorld {
  snapshot: VolumeSnapshot
  /** The claim that it is to be taken of. */
  claim: PersistentVolumeClaim | undefined
  volume: PersistentVolume | undefined
  classes: readonly VolumeSnapshotClass[]
  /** What a driver of ours can do; undefined for others'. */
  capabilities(driver: string): DriverCapabilities | undefined
  /** The content that is bound to it, was made for it, or that it names. */
  content: VolumeSnapshotContent | undefined
  /** Claims without a volume that are to be made from it. */
  waitingClaims: readonly string[]
}

export type SnapshotStep =
  | { do: 'nothing' }
  | { do: 'make'; content: VolumeSnapshotContent }
  /** Say in the content which snapshot it belongs to. */
  | { do: 'bind'; uid: string }
  | { do: 'show'; status: NonNullable<VolumeSnapshot['status']> }
  /** Nothing can be done until another object changes; undefined for what others' controllers carry out. */
  | { do: 'wait'; message: string }
  | { do: 'delete-content' }
  | { do: 'release' }

/** The name of the content made for a snapshot. @see external-snapshotter `GetDynamicSnapshotContentNameForSnapshot` */
export function contentNameOf(snapshot: VolumeSnapshot): string {
  return snapshot.spec.source.volumeSnapshotContentName ?? `snapcontent-${snapshot.metadata.uid}`
}

/** Decide about a snapshot. Pure. */
export function planSnapshot(world: SnapshotWorld): SnapshotStep {
  const { snapshot, content } = world
  const { uid = '' } = snapshot.metadata
  const isOurs = content && refersTo(content, snapshot)
  if (snapshot.metadata.deletionTimestamp) return planDeletion(world, isOurs === true)
  const { volumeSnapshotContentName } = snapshot.spec.source
  if (volumeSnapshotContentName) {
    if (!content)
      return {
        do: 'wait',
        message: `the VolumeSnapshotContent ${volumeSnapshotContentName} does not exist; create it first`,
      }
    if (!isOurs)
      return {
        do: 'wait',
        message: `the VolumeSnapshotContent ${volumeSnapshotContentName} is for ${content.spec.volumeSnapshotRef.namespace}/${content.spec.volumeSnapshotRef.name}; name another, or make its volumeSnapshotRef this snapshot`,
      }
    if (content.spec.volumeSnapshotRef.uid !== uid) return { do: 'bind', uid }
  }
  if (!content || !isOurs) return planContent(world)
  return { do: 'show', status: statusOf(snapshot, content) }
}

function planDeletion({ content, waitingClaims }: SnapshotWorld, isOurs: boolean): SnapshotStep {
  if (waitingClaims.length > 0)
    return { do: 'wait', message: `it goes when the volumes made from it are there: ${waitingClaims.join(', ')}` }
  if (!content || !isOurs) return { do: 'release' }
  if (content.spec.deletionPolicy !== 'Delete') return { do: 'release' }
  return content.metadata.deletionTimestamp ? { do: 'nothing' } : { do: 'delete-content' }
}

/** Whether a content names this snapshot; one that names no uid means whichever has the name. */
function refersTo({ spec: { volumeSnapshotRef: ref } }: VolumeSnapshotContent, { metadata }: VolumeSnapshot): boolean {
  return ref.name === metadata.name && ref.namespace === metadata.namespace && (!ref.uid || ref.uid === metadata.uid)
}

function planContent(world: SnapshotWorld): SnapshotStep {
  const { snapshot, claim, volume } = world
  const { name, namespace, uid, annotations = {} } = snapshot.metadata
  const claimName = snapshot.spec.source.persistentVolumeClaimName ?? ''
  if (!claim)
    return { do: 'wait', message: `the claim ${claimName} does not exist; name one of the namespace ${namespace}` }
  if (!volume) return { do: 'wait', message: `the claim ${claimName} has no volume yet, so there is nothing to keep` }
  const driver = volume.spec.csi?.driver ?? ''
  const found = classFor(world, driver)
  if (typeof found === 'string') return { do: 'wait', message: found }
  const capabilities = world.capabilities(driver)
  // Others' controllers carry out what is their drivers'.
  if (!capabilities) return { do: 'nothing' }
  if (!capabilities.snapshots)
    return {
      do: 'wait',
      message: `the driver ${driver} of the claim ${claimName} cannot make snapshots; clone the volume`,
    }
  const node = volumeNode(volume)
  const kept = [snapshotGroupAnnotation, snapshotGroupSizeAnnotation, freezeGuestAnnotation]
  return {
    do: 'make',
    content: {
      apiVersion: 'snapshot.storage.k8s.io/v1',
      kind: 'VolumeSnapshotContent',
      metadata: {
        name: contentNameOf(snapshot),
        annotations: {
          ...(node ? { [snapshotNodeAnnotation]: node } : {}),
          ...Object.fromEntries(kept.flatMap((key) => (annotations[key] ? [[key, annotations[key]]] : []))),
        },
        finalizers: [snapshotContentFinalizer],
      },
      spec: {
        driver,
        deletionPolicy: found.deletionPolicy,
        source: { volumeHandle: volume.spec.csi?.volumeHandle },
        sourceVolumeMode: volume.spec.volumeMode ?? 'Filesystem',
        volumeSnapshotClassName: found.metadata.name,
        volumeSnapshotRef: {
          apiVersion: 'snapshot.storage.k8s.io/v1',
          kind: 'VolumeSnapshot',
          name,
          namespace,
          uid,
        },
      },
    },
  }
}

/** The class that a snapshot names, or the default one of the driver; else why there is none. */
function classFor({ snapshot, classes }: SnapshotWorld, driver: string): VolumeSnapshotClass | string {
  const { volumeSnapshotClassName } = snapshot.spec
  if (volumeSnapshotClassName) {
    const named = classes.find(({ metadata }) => metadata.name === volumeSnapshotClassName)
    if (!named) return `the VolumeSnapshotClass ${volumeSnapshotClassName} does not exist; name another`
    if (named.driver === driver) return named
    return `the VolumeSnapshotClass ${volumeSnapshotClassName} is of the driver ${named.driver}, but the volume is of ${driver}; name a class of that driver`
  }
  const [standard, another] = classes.filter((one) => one.driver === driver && isDefaultSnapshotClass(one))
  if (another)
    return `${standard?.metadata.name} and ${another.metadata.name} are both default snapshot classes of the driver ${driver}; take the annotation off one`
  return (
    standard ?? `there is no default VolumeSnapshotClass of the driver ${driver}; name one in volumeSnapshotClassName`
  )
}

/** What a snapshot shows of its content. */
function statusOf({ status }: VolumeSnapshot, content: VolumeSnapshotContent): NonNullable<VolumeSnapshot['status']> {
  const { creationTime, restoreSize, readyToUse, error } = content.status ?? {}
  return {
    ...status,
    boundVolumeSnapshotContentName: content.metadata.name,
    readyToUse: readyToUse ?? false,
    error,
    ...(creationTime === undefined
      ? {}
      : { creationTime: `${new Date(creationTime / 1e6).toISOString().slice(0, 19)}Z` }),
    ...(restoreSize === undefined ? {} : { restoreSize: formatBytes(restoreSize) }),
  }
}
