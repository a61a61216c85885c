import type { CacheFeed } from './cache-feed.ts'
import type { Metrics } from './metrics.ts'
import type { Store } from './store/store.ts'

/** How often, and therefore how old what is forgotten at least is. */
const EVERY_MS = 300_000

/** Lets the store forget, every five minutes, what was superseded five minutes before. */
export class Compaction {
  readonly #store: Store
  readonly #feed: CacheFeed
  readonly #metrics: Metrics
  readonly #onFault: (message: string) => void
  #timer: NodeJS.Timeout | undefined
  #before = 0
  #closed = false

  /** @param onFault told in one sentence of a compaction that failed */
  constructor(store: Store, feed: CacheFeed, metrics: Metrics, onFault: (message: string) => void = console.error) {
    this.#store = store
    this.#feed = feed
    this.#metrics = metrics
    this.#onFault = onFault
  }

  start(): void {
    this.#before = this.#feed.revision
    this.#timer = setInterval(() => void this.run(), EVERY_MS)
    this.#timer.unref()
  }

  /** Forget what was superseded before the run before this one, or the start. Never rejects: the next run makes up for one that fails. */
  async run(): Promise<void> {
    const upTo = this.#before
    this.#before = this.#feed.revision
    try {
      await this.#store.compact(upTo)
    } catch (error) {
      if (this.#closed) return
      this.#metrics.compactionFailed()
      this.#onFault(`the store could not be compacted and grows until it can: ${(error as Error).message}`)
    }
  }

  close(): void {
    this.#closed = true
    clearInterval(this.#timer)
  }
}
