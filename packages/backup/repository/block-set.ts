import { blockBytes } from '../format/block.ts'

/** A part of a disk, in bytes. */
export interface Extent {
  offset: number
  length: number
}

/** Which blocks of a disk are touched by some extents: one bit each, 64 KiB for 1 TiB. */
export class BlockSet {
  readonly #bits: Uint8Array

  constructor(blocks: number) {
    this.#bits = new Uint8Array(Math.ceil(blocks / 8))
  }

  static async of(bytes: number, extents: AsyncIterable<Extent> | Iterable<Extent>): Promise<BlockSet> {
    const set = new BlockSet(Math.ceil(bytes / blockBytes))
    for await (const { offset, length } of extents) {
      const end = Math.min(bytes, offset + length)
      for (let block = Math.floor(offset / blockBytes); block * blockBytes < end; block++) set.add(block)
    }
    return set
  }

  add(block: number): void {
    this.#bits[block >>> 3]! |= 1 << (block & 7)
  }

  has(block: number): boolean {
    return (this.#bits[block >>> 3]! & (1 << (block & 7))) !== 0
  }

  /** Whether one of `from` up to, not with, `to` is in it. */
  hasAny(from: number, to: number): boolean {
    for (let block = from; block < to; block++) if (this.has(block)) return true
    return false
  }
}
