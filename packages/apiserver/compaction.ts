import type { CacheFeed } from './cache-feed.ts'
import type { Store } from './store/store.ts'

/** How often, and therefore how old what is forgotten at least is. */
const EVERY_MS = 300_000

/** Lets the store forget, every five minutes, what was superseded five minutes before. */
export class Compaction {
  readonly #store: Store
  readonly #feed: CacheFeed
  #timer: NodeJS.Timeout | undefined
  #before = 0

  constructor(store: Store, feed: CacheFeed) {
    this.#store = store
    this.#feed = feed
  }

  start(): void {
    this.#before = this.#feed.revision
    this.#timer = setInterval(() => {
      const upTo = this.#before
      this.#before = this.#feed.revision
      // One that fails (a full disk) is made up for by the next.
      this.#store.compact(upTo).catch(() => undefined)
    }, EVERY_MS)
    this.#timer.unref()
  }

  close(): void {
    clearInterval(this.#timer)
  }
}
