import type { PersistentVolume } from '@thresher/api/core/persistent-volume'
import type { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { compareQuantities } from '@thresher/api/quantity'
import { matchesLabels } from '../scheduler/selectors.ts'

/** The volume that is, or should be, a claim's: one that names the claim, else the smallest free one that fits. */
export function volumeFor(
  claim: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
): PersistentVolume | undefined {
  const { volumeName } = claim.spec
  if (volumeName) return volumes.find((volume) => volume.metadata.name === volumeName)
  const reserved = volumes.find((volume) => isReservedFor(volume, claim))
  if (reserved) return reserved
  return volumes.filter((volume) => fits(volume, claim)).sort((a, b) => compareQuantities(sizeOf(a), sizeOf(b)))[0]
}

/** Whether a volume's claimRef means this claim; one without a uid means any claim of the name. */
function isReservedFor(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const ref = volume.spec.claimRef
  return (
    ref?.name === claim.metadata.name &&
    ref?.namespace === claim.metadata.namespace &&
    (!ref?.uid || ref.uid === claim.metadata.uid)
  )
}

function fits(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const { spec, status, metadata } = volume
  const wanted = claim.spec.resources?.requests?.['storage'] ?? '0'
  return (
    !spec.claimRef &&
    !metadata.deletionTimestamp &&
    status?.phase !== 'Released' &&
    status?.phase !== 'Failed' &&
    (spec.storageClassName ?? '') === (claim.spec.storageClassName ?? '') &&
    (spec.volumeMode ?? 'Filesystem') === (claim.spec.volumeMode ?? 'Filesystem') &&
    (claim.spec.accessModes ?? []).every((mode) => spec.accessModes?.includes(mode)) &&
    (!claim.spec.selector || matchesLabels(claim.spec.selector, metadata.labels)) &&
    compareQuantities(sizeOf(volume), wanted) >= 0
  )
}

function sizeOf(volume: PersistentVolume): string {
  return volume.spec.capacity?.['storage'] ?? '0'
}

export type VolumeStep =
  | { do: 'nothing' }
  | { do: 'show'; phase: 'Available' | 'Bound' | 'Released' | 'Failed'; message?: string }
  | { do: 'delete' }

/** What becomes of a volume, given the claim that its claimRef names (if there is such a claim). */
export function planVolume(volume: PersistentVolume, claim: PersistentVolumeClaim | undefined): VolumeStep {
  const { claimRef, persistentVolumeReclaimPolicy } = volume.spec
  const phase = volume.status?.phase
  const show = (next: 'Available' | 'Bound' | 'Released'): VolumeStep =>
    phase === next ? { do: 'nothing' } : { do: 'show', phase: next }
  if (volume.metadata.deletionTimestamp) return { do: 'nothing' }
  if (!claimRef) return show('Available')
  const same = claim && (!claimRef.uid || claim.metadata.uid === claimRef.uid)
  if (same) return claim.spec.volumeName === volume.metadata.name ? show('Bound') : { do: 'nothing' }
  // Kept for a claim that is still to come.
  if (!claimRef.uid) return show('Available')
  if (persistentVolumeReclaimPolicy === 'Delete') return phase === 'Released' ? { do: 'delete' } : show('Released')
  return show('Released')
}
