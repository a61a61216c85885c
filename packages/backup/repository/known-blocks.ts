import { entryBytes, parseBlockKey, readEntry, blocksPrefix, type BlockRef } from '../format/block.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import type { RefSet } from './ref-set.ts'

/**
 * The blocks that are in a repository already, read by their first byte when one of it is asked for: 48 bytes of memory each, 24
 * MiB for a TiB of different data.
 */
export class KnownBlocks {
  readonly #store: ObjectStore
  readonly #condemned: RefSet
  readonly #shards = new Map<number, Promise<Buffer>>()

  /** @param condemned copies that are about to be deleted, which nobody may rely on any more */
  constructor(store: ObjectStore, condemned: RefSet) {
    this.#store = store
    this.#condemned = condemned
  }

  /** A copy of a block that may be relied on; undefined where there is none. */
  async find(id: Buffer): Promise<BlockRef | undefined> {
    const first = id[0]!
    let shard = this.#shards.get(first)
    if (!shard) this.#shards.set(first, (shard = this.#read(first)))
    return search(await shard, id)
  }

  async #read(first: number): Promise<Buffer> {
    const entries: Buffer[] = []
    for await (const { key } of this.#store.list(`${blocksPrefix}${first.toString(16).padStart(2, '0')}/`)) {
      const ref = parseBlockKey(key)
      if (ref && !this.#condemned.has(ref)) entries.push(Buffer.concat([ref.id, ref.writer]))
    }
    return Buffer.concat(entries.sort((a, b) => a.compare(b)))
  }
}

function search(sorted: Buffer, id: Buffer): BlockRef | undefined {
  let [low, high] = [0, sorted.length / entryBytes]
  while (low < high) {
    const middle = (low + high) >>> 1
    const order = id.compare(sorted, middle * entryBytes, middle * entryBytes + id.length)
    if (order === 0) return readEntry(sorted, middle)
    if (order < 0) high = middle
    else low = middle + 1
  }
  return undefined
}
