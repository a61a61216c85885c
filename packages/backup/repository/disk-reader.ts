import { blockBytes, readEntry, segmentEntries, type BlockRef } from '../format/block.ts'
import type { ManifestDisk } from '../format/manifest.ts'
import type { Repository } from './repository.ts'

/** Segments held, each of 192 KiB. */
const mostSegments = 32

/** A disk of a backup, read at any place. */
export class DiskReader {
  readonly bytes: number
  readonly #repository: Repository
  readonly #segments: readonly string[]
  readonly #held = new Map<number, Promise<Buffer>>()

  constructor(repository: Repository, disk: ManifestDisk) {
    this.#repository = repository
    this.#segments = disk.segments
    this.bytes = disk.bytes
  }

  get blocks(): number {
    return Math.ceil(this.bytes / blockBytes)
  }

  /** Where a block is kept; undefined for one of zeros. @throws {DamagedError} @throws {ObjectError} */
  async entry(block: number): Promise<BlockRef | undefined> {
    const index = Math.floor(block / segmentEntries)
    if (!this.#segments[index]) return undefined
    return readEntry(await this.#segment(index), block % segmentEntries)
  }

  /** A block; undefined where it is zeros. @throws {DamagedError} when it is not whole @throws {ObjectError} */
  async block(block: number): Promise<Buffer | undefined> {
    const ref = await this.entry(block)
    return ref && this.#repository.getBlock(ref)
  }

  #segment(index: number): Promise<Buffer> {
    let segment = this.#held.get(index)
    if (!segment) {
      segment = this.#repository.getSegment(this.#segments[index]!)
      // What could not be read is asked for again.
      segment.catch(() => this.#held.delete(index))
      if (this.#held.size >= mostSegments) this.#held.delete(this.#held.keys().next().value!)
      this.#held.set(index, segment)
    }
    return segment
  }
}
