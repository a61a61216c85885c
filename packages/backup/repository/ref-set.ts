import type { BlockRef } from '../format/block.ts'

const firstSlots = 1024

/**
 * A set of copies of blocks, of 64 bits each: a repository of 10 TiB takes 100 MiB of memory.
 *
 * It may rarely hold what was never added, so it serves where that is harmless: what need not be deleted, or not be reused.
 */
export class RefSet {
  #slots = new BigUint64Array(firstSlots)
  #size = 0

  get size(): number {
    return this.#size
  }

  add(ref: BlockRef): void {
    if (this.#size * 3 >= this.#slots.length * 2) this.#grow()
    if (insert(this.#slots, fingerprint(ref))) this.#size++
  }

  has(ref: BlockRef): boolean {
    const wanted = fingerprint(ref)
    return this.#slots[slotOf(this.#slots, wanted)] === wanted
  }

  #grow(): void {
    const larger = new BigUint64Array(this.#slots.length * 2)
    for (const one of this.#slots) if (one !== 0n) insert(larger, one)
    this.#slots = larger
  }
}

/** Both are random already, the id by its hash and the writer as a UUID. Zero stands for an empty slot. */
function fingerprint({ id, writer }: BlockRef): bigint {
  return id.readBigUInt64LE(0) ^ writer.readBigUInt64LE(0) ^ writer.readBigUInt64LE(8) || 1n
}

function slotOf(slots: BigUint64Array, wanted: bigint): number {
  const mask = slots.length - 1
  let slot = Number(wanted & BigInt(mask))
  while (slots[slot] !== 0n && slots[slot] !== wanted) slot = (slot + 1) & mask
  return slot
}

function insert(slots: BigUint64Array, one: bigint): boolean {
  const slot = slotOf(slots, one)
  if (slots[slot] === one) return false
  slots[slot] = one
  return true
}
