import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs'

/** What is known of one thing that is written again and again, each time with a larger number. */
export interface Entry {
  /** The largest number whose write was acknowledged; 0 before the first. */
  acknowledged: number
  /** The largest number that was tried: it may have been written though nobody said so. */
  tried: number
  /** All numbers whose writes were acknowledged. */
  all: number[]
}

/**
 * What was written and what of it was acknowledged, kept outside of the product: whatever happens to that, this is what must be found
 * in it afterwards. Also on disk, so that a run that was cut off can be looked into.
 */
export class Ledger {
  readonly #entries = new Map<string, Entry>()
  readonly #path: string
  readonly #file: number

  /** @param path a file to append to */
  constructor(path: string) {
    this.#path = path
    this.#file = openSync(path, 'a')
  }

  get keys(): string[] {
    return [...this.#entries.keys()]
  }

  get acknowledgedWrites(): number {
    return [...this.#entries.values()].reduce((sum, { all }) => sum + all.length, 0)
  }

  entry(key: string): Readonly<Entry> {
    return this.#entries.get(key) ?? { acknowledged: 0, tried: 0, all: [] }
  }

  /**
   * Write the next number of a key. Of one key only one write is under way at a time.
   *
   * @param write resolves when the product acknowledged it
   * @returns whether it did
   */
  async write(key: string, write: (number: number) => Promise<unknown>): Promise<boolean> {
    const entry = this.#entries.get(key) ?? { acknowledged: 0, tried: 0, all: [] }
    this.#entries.set(key, entry)
    const number = ++entry.tried
    this.#note(key, number, 'tried')
    try {
      await write(number)
    } catch {
      return false
    }
    entry.acknowledged = number
    entry.all.push(number)
    this.#note(key, number, 'acknowledged')
    return true
  }

  /** Why what is found under a key cannot be, as a sentence; undefined when it can. */
  mismatch(key: string, found: number): string | undefined {
    const { acknowledged, tried } = this.entry(key)
    if (found < acknowledged) return `${key} is ${found}, though ${acknowledged} was acknowledged: the write is lost`
    return found > tried ? `${key} is ${found}, though nothing above ${tried} was written` : undefined
  }

  /** The run is over and was looked at: only one that was cut off leaves its file. */
  close(): void {
    closeSync(this.#file)
    rmSync(this.#path, { force: true })
  }

  #note(key: string, number: number, what: string): void {
    writeSync(this.#file, `${new Date().toISOString()} ${key} ${number} ${what}\n`)
    if (what === 'acknowledged') fsyncSync(this.#file)
  }
}
