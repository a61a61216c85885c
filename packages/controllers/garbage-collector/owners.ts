import type { KubeObject, OwnerReference } from '@thresher/api/meta'

/** Whether an owner is there, waits for its dependents to go first, is gone, or cannot be told. */
export type OwnerState = 'there' | 'waiting' | 'gone' | 'unknown'

export type Verdict =
  | { do: 'keep' }
  /** Take these owners off; others still hold the object. */
  | { do: 'disown'; uids: string[] }
  | { do: 'delete' }

/** What becomes of an object, given the state of each of its owners. */
export function judge(owners: readonly { owner: OwnerReference; state: OwnerState }[]): Verdict {
  if (owners.length === 0 || owners.some(({ state }) => state === 'unknown')) return { do: 'keep' }
  const lost = owners.filter(({ state }) => state === 'gone' || state === 'waiting')
  if (lost.length === owners.length) return { do: 'delete' }
  return lost.length > 0 ? { do: 'disown', uids: lost.map(({ owner }) => owner.uid) } : { do: 'keep' }
}

/** Whether an object being deleted waits for its dependents. */
export function isForeground(object: KubeObject): boolean {
  return isDeletingWith(object, 'foregroundDeletion')
}

/** Whether an object being deleted sets its dependents free first. */
export function isOrphaning(object: KubeObject): boolean {
  return isDeletingWith(object, 'orphan')
}

function isDeletingWith({ metadata }: KubeObject, finalizer: string): boolean {
  return metadata.deletionTimestamp !== undefined && (metadata.finalizers?.includes(finalizer) ?? false)
}
