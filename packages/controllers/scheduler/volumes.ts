import type { NodeSelector } from '@thresher/api/core/affinity'
import type { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { selectedNodeAnnotation } from '@thresher/api/names'
import type { DriverCapabilities } from '@thresher/api/storage/driver-capabilities'
import type { StorageClass } from '@thresher/api/storage/storage-class'
import { waitsForConsumer } from '../persistent-volume/binding.ts'
import { claimHome, type SourceLookup } from '../persistent-volume/claim-home.ts'

/** What a pod's claim says about where the pod may run. */
export interface VolumeNeed {
  claimName: string
  /** Why no node will do until something changes. */
  blocked?: string
  /** Only nodes that the bound volume can be reached from. */
  nodes?: NodeSelector
  /** The one node that is already chosen, and why. */
  onlyNode?: { name: string; why: string }
  /** The claim waits for its first consumer: once a node is chosen it must be told. */
  selectNode?: PersistentVolumeClaim
  /** The class of the volume that is to be made. */
  storageClass?: StorageClass
}

/** Where a claim's surroundings are looked up. */
export interface VolumeLookup extends SourceLookup {
  /** The namespace of the pod, and so of its claims. */
  namespace: string
  storageClass(name: string): StorageClass | undefined
  nodeExists(name: string): boolean
  /** What a driver of ours can do; undefined for others'. */
  capabilities(driver: string): DriverCapabilities | undefined
}

/** The need of one claim. No I/O. */
export function volumeNeed(claimName: string, lookup: VolumeLookup): VolumeNeed {
  const claim = lookup.claim(`${lookup.namespace}/${claimName}`)
  if (!claim) return { claimName, blocked: `the claim ${claimName} does not exist; create it` }
  if (claim.metadata.deletionTimestamp) return { claimName, blocked: `the claim ${claimName} is being deleted` }
  const { volumeName, storageClassName } = claim.spec
  if (volumeName) {
    const volume = lookup.volume(volumeName)
    if (!volume) return { claimName, blocked: `the volume ${volumeName} of the claim ${claimName} is lost; restore it` }
    return { claimName, nodes: volume.spec.nodeAffinity?.required }
  }
  if (!storageClassName)
    return { claimName, blocked: `the claim ${claimName} has no storage class and there is no default; name one` }
  const storageClass = lookup.storageClass(storageClassName)
  if (!storageClass)
    return { claimName, blocked: `the storage class ${storageClassName} of the claim ${claimName} does not exist` }
  const selected = claim.metadata.annotations?.[selectedNodeAnnotation]
  if (!waitsForConsumer(claim, storageClass))
    return { claimName, blocked: `the claim ${claimName} has no volume yet; its storage is being prepared` }
  const capabilities = lookup.capabilities(storageClass.provisioner)
  if (!capabilities)
    return {
      claimName,
      blocked: `the claim ${claimName} has no volume yet; the driver ${storageClass.provisioner} of its storage class has to make it`,
    }
  if (selected && capabilities.reach === 'cluster') return { claimName }
  if (selected && lookup.nodeExists(selected))
    return { claimName, onlyNode: { name: selected, why: `the volume ${claimName} is made there` } }
  const home = claimHome(claim, lookup)
  if (home && home.node === undefined) return { claimName, blocked: `the claim ${claimName} ${home.why}` }
  if (home) return { claimName, selectNode: claim, storageClass, onlyNode: { name: home.node, why: home.why } }
  // An image is fetched to wherever a volume is made of it.
  return { claimName, selectNode: claim, storageClass }
}
