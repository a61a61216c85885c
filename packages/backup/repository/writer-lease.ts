import { matches } from '@thresher/api/matches'
import { Type } from '@thresher/api/type'
import type { ObjectStore } from '../objects/object-store.ts'
import type { Clock } from './clock.ts'

/** A writer that did not renew its lease for so long may be given up. */
export const leaseMs = 120_000

export const writersPrefix = 'writers/'
const fencedPrefix = 'fenced/'

const Lease = Type.Object({
  /** Counts on with each renewal. */
  beat: Type.Integer(),
  /** The lists of condemned blocks that this writer knows, and whose blocks it does not rely on. */
  knows: Type.Array(Type.String()),
})

/** What a writer says of itself. An object that cannot be read is that of a writer who knows no list. */
export function parseLease(body: Buffer): { knows: readonly string[] } {
  try {
    const value: unknown = JSON.parse(body.toString())
    return matches(Lease, value) ? value : { knows: [] }
  } catch {
    return { knows: [] }
  }
}

/** A writer was given up, and what it relied on may be gone: it has to begin anew. */
export class GivenUpError extends Error {
  override readonly name = 'GivenUpError'

  constructor() {
    super(
      'the target was out of reach for minutes, and what this backup relies on may have been deleted since; back up again',
    )
  }
}

/** Tells those who delete that somebody writes, and which of their lists he knows. */
export class WriterLease {
  readonly #store: ObjectStore
  readonly #clock: Clock
  readonly #key: string
  readonly #ended = new AbortController()
  #beat = 0
  #knows: readonly string[] = []
  #renewal: Promise<void> = Promise.resolve()

  private constructor(store: ObjectStore, clock: Clock, uid: string) {
    this.#store = store
    this.#clock = clock
    this.#key = `${writersPrefix}${uid}`
  }

  /** Begin to write. Only after this may lists of condemned blocks be read, and then {@link know} them. */
  static async begin(store: ObjectStore, clock: Clock, uid: string): Promise<WriterLease> {
    const lease = new WriterLease(store, clock, uid)
    await lease.#renew()
    lease.#renewal = lease.#keep()
    return lease
  }

  /** From now on these lists are known, and all that was told from them is heeded. */
  async know(lists: readonly string[]): Promise<void> {
    this.#knows = lists
    await this.#renew()
  }

  /** End, whether or not anything came of it. */
  async end(): Promise<void> {
    this.#ended.abort()
    await this.#renewal
    await this.#store.delete(this.#key)
  }

  async #keep(): Promise<void> {
    const { signal } = this.#ended
    while (!signal.aborted) {
      await this.#clock.sleep(leaseMs / 6, signal).catch(() => {})
      // A target that is away may be back for the next. Whether it was away for too long, the commit sees.
      if (!signal.aborted) await this.#renew().catch(() => {})
    }
  }

  async #renew(): Promise<void> {
    await this.#store.put(this.#key, Buffer.from(JSON.stringify({ beat: ++this.#beat, knows: this.#knows })))
  }
}

/** Give a writer up: what it commits from now on does not count. */
export async function fence(store: ObjectStore, uid: string): Promise<void> {
  await store.put(`${fencedPrefix}${uid}`, Buffer.from('given up: its lease was not renewed\n'))
}

export async function isFenced(store: ObjectStore, uid: string): Promise<boolean> {
  return (await store.get(`${fencedPrefix}${uid}`)) !== undefined
}

/** All writers that were given up. */
export async function fencedWriters(store: ObjectStore): Promise<Set<string>> {
  const uids = new Set<string>()
  for await (const { key } of store.list(fencedPrefix)) uids.add(key.slice(fencedPrefix.length))
  return uids
}

/** Take the mark of {@link fence} away. */
export async function unfence(store: ObjectStore, uid: string): Promise<void> {
  await store.delete(`${fencedPrefix}${uid}`)
}
