import { randomUUID } from 'node:crypto'
import {
  blockBytes,
  blockKey,
  entryBytes,
  isZero,
  parseBlockKey,
  readEntry,
  segmentEntries,
  writeEntry,
  type BlockRef,
} from '../format/block.ts'
import { DamagedError } from '../format/damaged-error.ts'
import type { Manifest, ManifestDisk } from '../format/manifest.ts'
import { BlockSet } from './block-set.ts'
import { realClock, type Clock } from './clock.ts'
import { readLists } from './condemned.ts'
import type { DiskSource } from './disk-source.ts'
import { KnownBlocks } from './known-blocks.ts'
import { inLanes, range } from './lanes.ts'
import { RefSet } from './ref-set.ts'
import type { Repository } from './repository.ts'
import { GivenUpError, isFenced, WriterLease } from './writer-lease.ts'

export interface BackupOptions {
  /** The backup that the sources' changes count from. Where it is gone meanwhile, all is read. */
  parent?: string
  /** Whether a manifest may be built on: what it refers to becomes part of this backup. */
  isParent?: (manifest: Manifest) => boolean
  clock?: Clock
}

export interface DiskOptions {
  /** As in the parent, where there is one. */
  name: string
  source: DiskSource
  /** Ends the backup. */
  signal?: AbortSignal
  /** Told after each block how much of the disk is done. */
  onProgress?: (doneBytes: number) => void
}

/** What a backup is called, beside what its writer knows itself. */
export type ManifestHead = Omit<Manifest, 'version' | 'uid' | 'parent' | 'disks' | 'cost'>

/**
 * Writes one backup: disk after disk, then the manifest. Any number may write to one repository at once, and others may delete
 * there meanwhile; docs/backup-format.md argues why nothing is lost.
 */
export class BackupWriter {
  readonly uid: string
  readonly #repository: Repository
  readonly #lease: WriterLease
  readonly #writer: Buffer
  readonly #condemned: RefSet
  readonly #known: KnownBlocks
  readonly #parent: Manifest | undefined
  /** What this backup has put or is putting, by the block's name. */
  readonly #own = new Map<string, Promise<BlockRef>>()
  readonly #disks: ManifestDisk[] = []
  readonly #cost = { readBytes: 0, newBytes: 0, sentBytes: 0 }

  private constructor(repository: Repository, lease: WriterLease, uid: string, condemned: RefSet, parent?: Manifest) {
    this.uid = uid
    this.#parent = parent
    this.#repository = repository
    this.#lease = lease
    this.#writer = Buffer.from(uid.replaceAll('-', ''), 'hex')
    this.#condemned = condemned
    this.#known = new KnownBlocks(repository.store, condemned)
  }

  /** Begin a backup. End it by {@link commit} or {@link abandon}. */
  static async begin(repository: Repository, options: BackupOptions = {}): Promise<BackupWriter> {
    const uid = randomUUID()
    const lease = await WriterLease.begin(repository.store, options.clock ?? realClock, uid)
    try {
      const condemned = new RefSet()
      const lists: string[] = []
      for await (const { key, refs } of readLists(repository.store)) {
        for (const ref of refs) condemned.add(ref)
        lists.push(key)
      }
      await lease.know(lists)
      // Only now: what the parent refers to stands for as long as this writer is waited for.
      const parent = options.parent === undefined ? undefined : await readParent(repository, options.parent)
      const accepted = parent && (options.isParent?.(parent) ?? true) ? parent : undefined
      return new BackupWriter(repository, lease, uid, condemned, accepted)
    } catch (error) {
      await lease.end().catch(() => {})
      throw error
    }
  }

  /** Back up one disk. @throws {ObjectError} */
  async disk({ name, source, signal, onProgress }: DiskOptions): Promise<ManifestDisk> {
    const { bytes } = source
    const parent = this.#parent?.disks.find((one) => one.name === name)
    const blocks = Math.ceil(bytes / blockBytes)
    const data = await BlockSet.of(bytes, source.data())
    const changed = parent && source.changes ? await BlockSet.of(bytes, source.changes()) : undefined
    // The last block of a disk that has grown since was shorter.
    if (changed && parent && parent.bytes % blockBytes !== 0 && parent.bytes !== bytes)
      changed.add(Math.floor(parent.bytes / blockBytes))
    const disk: ManifestDisk = { name, bytes, segments: [] }
    for (let from = 0; from < blocks; from += segmentEntries) {
      const to = Math.min(blocks, from + segmentEntries)
      const old = changed && parent ? parent.segments[from / segmentEntries] : undefined
      const entries = to - from
      if (old !== undefined && this.#stands(old, parent!, from, entries) && !changed!.hasAny(from, to)) {
        disk.segments.push(old)
      } else {
        const before = old === undefined ? undefined : await ifWhole(this.#repository.getSegment(old))
        const segment = Buffer.alloc(entries * entryBytes)
        const work = async (block: number): Promise<void> => {
          signal?.throwIfAborted()
          const kept = before && !changed!.has(block) ? this.#reusable(before, block - from) : undefined
          const ref = kept ?? (data.has(block) ? await this.#readBlock(source, block) : undefined)
          if (ref) writeEntry(segment, block - from, ref)
          onProgress?.(Math.min(bytes, (block + 1) * blockBytes))
        }
        await inLanes(range(from, to), work)
        disk.segments.push(isZero(segment) ? '' : blockKey(await this.#keep(segment)))
      }
    }
    this.#disks.push(disk)
    return disk
  }

  /**
   * List the backup, whole, with the disks so far.
   *
   * @throws {GivenUpError} when this writer was given up meanwhile; nothing is listed then
   */
  async commit(head: ManifestHead): Promise<Manifest> {
    try {
      const parent = this.#parent ? { parent: this.#parent.uid } : {}
      const manifest = { version: 1 as const, uid: this.uid, ...head, ...parent, disks: this.#disks, cost: this.#cost }
      await this.#repository.putManifest(manifest)
      // Whoever gave this writer up did so before he looked for its manifest: either he sees it, or his mark is seen here.
      if (await isFenced(this.#repository.store, this.uid)) {
        await this.#repository.deleteManifest(this.uid)
        throw new GivenUpError()
      }
      return manifest
    } finally {
      await this.#lease.end().catch(() => {})
    }
  }

  /** Leave the backup; what it wrote goes with the next prune. */
  async abandon(): Promise<void> {
    await this.#lease.end().catch(() => {})
  }

  /** Whether a segment of the parent may be taken over unread: only while nothing at all is condemned. */
  #stands(key: string, parent: ManifestDisk, from: number, entries: number): boolean {
    const blocksThen = Math.ceil(parent.bytes / blockBytes)
    const sameLength = Math.min(segmentEntries, blocksThen - from) === entries
    return this.#condemned.size === 0 && sameLength && (key === '' || parseBlockKey(key) !== undefined)
  }

  /** The copy in the parent's segment, unless it is condemned; undefined also for zeros, which {@link DiskSource.data} knows. */
  #reusable(segment: Buffer, index: number): BlockRef | undefined {
    const ref = index * entryBytes < segment.length ? readEntry(segment, index) : undefined
    return ref && !this.#condemned.has(ref) ? ref : undefined
  }

  async #readBlock(source: DiskSource, block: number): Promise<BlockRef | undefined> {
    const offset = block * blockBytes
    const content = await source.read(offset, Math.min(blockBytes, source.bytes - offset))
    this.#cost.readBytes += content.length
    return isZero(content) ? undefined : this.#keep(content)
  }

  /** See that a copy of a block is there. */
  async #keep(content: Buffer): Promise<BlockRef> {
    const id = this.#repository.identity(content)
    const name = id.toString('latin1')
    const own = this.#own.get(name)
    if (own) return own
    const kept = this.#findOrPut(id, content)
    this.#own.set(name, kept)
    return kept
  }

  async #findOrPut(id: Buffer, content: Buffer): Promise<BlockRef> {
    const known = await this.#known.find(id)
    if (known) return known
    const ref = { id, writer: this.#writer }
    const sentBytes = await this.#repository.putBlock(ref, content)
    this.#cost.sentBytes += sentBytes
    this.#cost.newBytes += content.length
    return ref
  }
}

/** Nothing where it is damaged or gone: a backup rests on what its source has, not on an older one. */
async function ifWhole<T>(reading: Promise<T>): Promise<T | undefined> {
  return reading.catch((error) => {
    if (error instanceof DamagedError) return undefined
    throw error
  })
}

const readParent = (repository: Repository, uid: string): Promise<Manifest | undefined> =>
  ifWhole(repository.getManifest(uid))
