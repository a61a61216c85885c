import { StoreError, type Store, type StoreEvent, type StorePage, type UnreadableValue } from './store/store.ts'
import type { WatchCache } from './watch-cache.ts'

const RETRY_MS = 500
/** Longer than a cluster needs to choose another leader. */
const REACH_MS = 10_000
/** How long a watch may look for another member before the caches count as cut off; a choice of a leader takes less. */
const RECONNECT_MS = 3000

/**
 * Keeps all watch caches in step with the store by one watch over everything.
 *
 * When the store loses the watch (a restart of etcd, a compaction), everything is listed again and the caches tell their
 * watchers the difference. A value that cannot be read costs its one object: it is reported and left out, the rest goes on.
 */
export class CacheFeed {
  readonly #store: Store
  readonly #onFault: (message: string) => void
  readonly #caches = new Map<string, WatchCache>()
  /** Caches that are being listed; events for them wait here. */
  readonly #loading = new Map<WatchCache, StoreEvent[]>()
  readonly #waiting = new Set<{ revision: number; done(): void }>()
  readonly #progress = new Set<(revision: number) => void>()
  #revision = 0
  #stop: (() => void) | undefined
  #closed = false
  #synced = false
  #retry: NodeJS.Timeout | undefined
  #asked: Promise<number> | undefined
  #lost: { since: number } | undefined

  /** @param onFault told in one sentence of what cannot be read */
  constructor(store: Store, onFault: (message: string) => void = console.error) {
    this.#store = store
    this.#onFault = onFault
  }

  /** Every write up to this revision is in the caches. */
  get revision(): number {
    return this.#revision
  }

  /** Whether the caches follow the store at present. */
  get synced(): boolean {
    return this.#synced
  }

  /** In one sentence, that and since when the caches have lost the store; undefined while they follow it. */
  get outage(): string | undefined {
    const { source } = this.#store
    const seconds = this.#lost ? (performance.now() - this.#lost.since) / 1000 : 0
    if (this.#synced && seconds * 1000 < RECONNECT_MS) return undefined
    if (!this.#lost) return `the caches have not been filled from ${source} yet`
    return `the caches have lost their source, ${source}, for ${seconds.toFixed(0)} s; what is read may be old until it answers`
  }

  /** List the store into the caches added so far and follow it from there. */
  async start(): Promise<void> {
    const byCache = new Map<WatchCache, StoreEvent[]>([...this.#caches.values()].map((cache) => [cache, []]))
    let revision = await this.#store.currentRevision()
    for await (const page of this.#store.list('/')) {
      revision = page.revision
      for (const item of valuesOf(page)) {
        const cache = this.#caches.get(resourcePrefix(item.key))
        if (cache) byCache.get(cache)?.push(item)
      }
    }
    if (this.#closed) return
    for (const [cache, values] of byCache) this.#report(cache.load(values, revision))
    // Kinds that came to be served meanwhile: what was listed of them was thrown away.
    for (const cache of this.#caches.values()) if (!byCache.has(cache)) await this.#loadAt(cache, revision)
    if (this.#closed) return
    this.#advance(revision)
    this.#synced = true
    this.#found()
    this.#stop = this.#store.watch('/', revision, {
      onEvents: (events, upTo) => this.#onEvents(events, upTo),
      onLost: (error) => this.#onLost(error),
      onConnection: (error) => (error ? this.#miss(error) : this.#found()),
    })
  }

  /** Serve a further kind; its objects that are in the store already are read first. */
  async add(cache: WatchCache): Promise<void> {
    if (!this.#synced) {
      this.#caches.set(cache.storePrefix, cache)
      return
    }
    const waiting: StoreEvent[] = []
    this.#loading.set(cache, waiting)
    this.#caches.set(cache.storePrefix, cache)
    const values: StoreEvent[] = []
    let revision = this.#revision
    for await (const page of this.#store.list(cache.storePrefix)) {
      revision = page.revision
      values.push(...valuesOf(page))
    }
    this.#report(cache.load(values, revision))
    this.#report(cache.apply(waiting.filter((event) => event.revision > revision)))
    this.#loading.delete(cache)
  }

  /** Read one kind's objects as of a revision, from which the watch goes on. */
  async #loadAt(cache: WatchCache, revision: number): Promise<void> {
    const values: StoreEvent[] = []
    for await (const page of this.#store.list(cache.storePrefix)) values.push(...valuesOf(page))
    this.#report(cache.load(values, revision))
  }

  remove(cache: WatchCache): void {
    this.#caches.delete(cache.storePrefix)
  }

  /** Wait until the caches hold the write with this revision. @throws {StoreError} `Unavailable` when that takes too long */
  reach(revision: number): Promise<void> {
    if (revision <= this.#revision) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const timeout = setTimeout(() => {
        this.#waiting.delete(wait)
        reject(
          new StoreError('Unavailable', `the caches do not reach revision ${revision}; they are at ${this.#revision}`),
        )
      }, REACH_MS)
      const wait = {
        revision,
        done: () => {
          clearTimeout(timeout)
          resolve()
        },
      }
      this.#waiting.add(wait)
    })
  }

  /**
   * Wait until the caches hold every write that anyone was told of before now, also those of other servers.
   * Calls at the same moment share one question to the store.
   */
  async catchUp(): Promise<void> {
    this.#asked ??= new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      this.#asked = undefined
      return this.#store.currentRevision()
    })
    await this.reach(await this.#asked)
  }

  /** Call back whenever the revision moves on. @returns stops it */
  onProgress(listener: (revision: number) => void): () => void {
    this.#progress.add(listener)
    return () => this.#progress.delete(listener)
  }

  close(): void {
    this.#closed = true
    this.#synced = false
    clearTimeout(this.#retry)
    this.#stop?.()
  }

  #onEvents(events: StoreEvent[], upTo: number): void {
    const byCache = new Map<WatchCache, StoreEvent[]>()
    for (const event of events) {
      const cache = this.#caches.get(resourcePrefix(event.key))
      if (!cache) continue
      const list = this.#loading.get(cache) ?? byCache.get(cache)
      if (list) list.push(event)
      else byCache.set(cache, [event])
    }
    // Before the watchers wake, so that what they read is at least as new as what they are told.
    this.#revision = Math.max(this.#revision, upTo)
    for (const [cache, list] of byCache) this.#report(cache.apply(list))
    this.#advance(upTo)
  }

  #report(refused: UnreadableValue[]): void {
    for (const { key, revision, unreadable } of refused)
      this.#onFault(`${key} at revision ${revision} is left out of the API: ${unreadable.message}`)
  }

  #advance(revision: number): void {
    this.#revision = Math.max(this.#revision, revision)
    for (const wait of this.#waiting) {
      if (wait.revision > this.#revision) continue
      this.#waiting.delete(wait)
      wait.done()
    }
    for (const listener of this.#progress) listener(this.#revision)
  }

  #miss(error: Error): void {
    if (this.#closed || this.#lost) return
    this.#lost = { since: performance.now() }
    this.#onFault(`the caches have lost their source, ${this.#store.source}: ${error.message}`)
  }

  #found(): void {
    if (!this.#lost) return
    const seconds = (performance.now() - this.#lost.since) / 1000
    this.#lost = undefined
    this.#onFault(`the caches follow ${this.#store.source} again, after ${seconds.toFixed(1)} s`)
  }

  #onLost(error: StoreError): void {
    this.#synced = false
    this.#miss(error)
    if (this.#closed) return
    const again = () => {
      this.start().catch((cause: Error) => {
        this.#miss(cause)
        if (!this.#closed) this.#retry = setTimeout(again, RETRY_MS)
      })
    }
    this.#retry = setTimeout(again, RETRY_MS)
  }
}

function valuesOf(page: StorePage): StoreEvent[] {
  return page.unreadable.length === 0 ? page.items : [...page.items, ...page.unreadable]
}

/** `/apps/deployments/` of `/apps/deployments/default/web`. */
function resourcePrefix(key: string): string {
  return key.slice(0, key.indexOf('/', key.indexOf('/', 1) + 1) + 1)
}
