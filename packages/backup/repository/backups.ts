import { DamagedError } from '../format/damaged-error.ts'
import type { Manifest } from '../format/manifest.ts'
import type { Repository } from './repository.ts'
import { fencedWriters } from './writer-lease.ts'

/** What a target has: the backups, and those whose manifest cannot be read. */
export interface Backups {
  manifests: Manifest[]
  damaged: { uid: string; message: string }[]
}

/** All backups of a repository, of whatever cluster. */
export async function listBackups(repository: Repository): Promise<Backups> {
  const found: Backups = { manifests: [], damaged: [] }
  const uids = await Array.fromAsync(repository.manifestUids())
  // After the manifests: one that was committed and then given up would be missed the other way round.
  const fenced = await fencedWriters(repository.store)
  for (const uid of uids) {
    if (fenced.has(uid)) continue
    try {
      const manifest = await repository.getManifest(uid)
      if (manifest) found.manifests.push(manifest)
    } catch (error) {
      if (!(error instanceof DamagedError)) throw error
      found.damaged.push({ uid, message: error.message })
    }
  }
  return found
}
