/** Numbers that look random and are the same for the same seed. */
export class Random {
  #state: number

  /** @param seed anything; equal seeds give equal numbers */
  constructor(seed: string) {
    // FNV-1a, so that seeds that differ in one letter begin far apart.
    let hash = 0x811c9dc5
    for (const character of seed) hash = Math.imul(hash ^ character.codePointAt(0)!, 0x01000193)
    this.#state = hash >>> 0
  }

  /** From 0 up to, not including, 1. @see Tommy Ettinger's mulberry32 */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number from `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1))
  }

  pick<T>(items: readonly [T, ...T[]]): T {
    return items[this.between(0, items.length - 1)]!
  }

  /** The same items in another order. */
  shuffled<T>(items: readonly T[]): T[] {
    const rest = [...items]
    return items.map(() => rest.splice(this.between(0, rest.length - 1), 1)[0]!)
  }
}
