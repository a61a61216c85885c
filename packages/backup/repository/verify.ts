import { blockBytes, blockKey, entriesOf, parseBlockKey, segmentEntries, type BlockRef } from '../format/block.ts'
import { DamagedError } from '../format/damaged-error.ts'
import type { Manifest } from '../format/manifest.ts'
import { inLanes } from './lanes.ts'
import { RefSet } from './ref-set.ts'
import type { Repository } from './repository.ts'

export interface Damage {
  /** The disk of the machine. */
  disk: string
  /** Bytes from the disk's beginning; undefined where a part of its index is damaged. */
  offset: number | undefined
  message: string
}

/**
 * Read everything back that a backup needs.
 *
 * @param verified what was found whole already; blocks that several backups share are read once
 * @returns what is damaged; empty when all is whole
 * @throws {ObjectError} when the target cannot be read
 */
export async function verifyBackup(
  repository: Repository,
  manifest: Manifest,
  verified = new RefSet(),
  signal?: AbortSignal,
): Promise<Damage[]> {
  const damages: Damage[] = []
  for (const disk of manifest.disks) {
    let from = 0
    for (const key of disk.segments) {
      const note = (offset: number | undefined, error: unknown): void => {
        if (!(error instanceof DamagedError)) throw error
        damages.push({ disk: disk.name, offset, message: error.message })
      }
      const first = from
      from += segmentEntries
      const segment = await readSegment(repository, key).catch((error) => note(undefined, error))
      if (!segment) continue
      await inLanes(entriesOf(segment), async ({ index, ref }) => {
        signal?.throwIfAborted()
        if (verified.has(ref)) return
        await check(repository, ref).then(
          () => verified.add(ref),
          (error) => note((first + index) * blockBytes, error),
        )
      })
    }
  }
  return damages
}

async function readSegment(repository: Repository, key: string): Promise<Buffer> {
  const segment = await repository.getSegment(key)
  const ref = parseBlockKey(key)
  if (ref && !repository.identity(segment).equals(ref.id)) throw new DamagedError(`the object ${key} is another’s`)
  return segment
}

async function check(repository: Repository, ref: BlockRef): Promise<void> {
  const content = await repository.getBlock(ref)
  if (!repository.identity(content).equals(ref.id))
    throw new DamagedError(`the object ${blockKey(ref)} has another content than its name says`)
}
