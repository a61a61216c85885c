import type { VolumeId } from './volume-driver.ts'

/** Someone who has volumes to himself and makes way when another wants one of them. */
interface Yielding {
  ids: ReadonlySet<VolumeId>
  stop: AbortController
}

/** Lets one at a time change a volume. Who wants several gets all of them at once, in the order of asking, so nobody waits in a circle. */
export class VolumeLocks {
  readonly #tails = new Map<VolumeId, Promise<void>>()
  readonly #yielding = new Set<Yielding>()

  /** Do something with these volumes alone. */
  async run<T>(ids: readonly VolumeId[], task: () => Promise<T>): Promise<T> {
    for (const one of this.#yielding)
      if (ids.some((id) => one.ids.has(id))) one.stop.abort(new Error('another wants the volume'))
    const mine = Promise.withResolvers<void>()
    const before = ids.flatMap((id) => this.#tails.get(id) ?? [])
    for (const id of ids) this.#tails.set(id, mine.promise)
    await Promise.all(before)
    try {
      return await task()
    } finally {
      for (const id of ids) if (this.#tails.get(id) === mine.promise) this.#tails.delete(id)
      mine.resolve()
    }
  }

  /** As {@link run}, for what can be given up and done later: the signal aborts as soon as another wants one of the volumes. */
  async runYielding<T>(ids: readonly VolumeId[], task: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const yielding = { ids: new Set(ids), stop: new AbortController() }
    return this.run(ids, async () => {
      this.#yielding.add(yielding)
      try {
        return await task(yielding.stop.signal)
      } finally {
        this.#yielding.delete(yielding)
      }
    })
  }
}
