import type { PersistentVolume } from '@thresher/api/core/persistent-volume'
import type { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { hostnameLabel, snapshotNodeAnnotation } from '@thresher/api/names'
import type { VolumeSnapshotContent } from '@thresher/api/snapshot/volume-snapshot-content'
import { isSnapshotSource, type VolumeSnapshot } from '@thresher/api/snapshot/volume-snapshot'

/** Where what a claim's content comes from is looked up. */
export interface SourceLookup {
  claim(key: string): PersistentVolumeClaim | undefined
  volume(name: string): PersistentVolume | undefined
  snapshot(key: string): VolumeSnapshot | undefined
  content(name: string): VolumeSnapshotContent | undefined
}

/** Where a claim's content lies, when it is a copy of another volume or a snapshot. */
export type ClaimHome =
  /** Its content comes from elsewhere, or may be on any node. */
  | undefined
  | { node: string; why: string }
  /** Not known yet; `why` is a sentence's end. */
  | { node?: undefined; why: string }

/** The only node on which a claim's volume can be made, for the sake of what it is a copy of. Pure. */
export function claimHome({ metadata, spec }: PersistentVolumeClaim, lookup: SourceLookup): ClaimHome {
  const source = spec.dataSource
  if (!source) return undefined
  const key = `${metadata.namespace}/${source.name}`
  if (isSnapshotSource(source)) {
    const content = lookup.content(lookup.snapshot(key)?.status?.boundVolumeSnapshotContentName ?? '')
    const node = content?.metadata.annotations?.[snapshotNodeAnnotation]
    if (!content) return { why: `waits for the snapshot ${source.name} to be taken` }
    return node ? { node, why: `the snapshot ${source.name} is there` } : undefined
  }
  if (source.kind !== 'PersistentVolumeClaim') return undefined
  const volume = lookup.volume(lookup.claim(key)?.spec.volumeName ?? '')
  if (!volume) return { why: `waits for the volume ${source.name}, of which it is a copy` }
  const node = volumeNode(volume)
  return node ? { node, why: `the volume ${source.name}, of which it is a copy, is there` } : undefined
}

/** The one node that a volume can be used on; undefined when it can be used on several. */
export function volumeNode(volume: PersistentVolume): string | undefined {
  const terms = volume.spec.nodeAffinity?.required?.nodeSelectorTerms ?? []
  const values = terms.flatMap((term) => term.matchExpressions ?? []).find(({ key }) => key === hostnameLabel)?.values
  return values?.length === 1 ? values[0] : undefined
}
