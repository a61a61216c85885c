import type { KubeObject } from '@thresher/api/meta'
import type { Objects } from './auth/objects.ts'

const EVERY_MS = 300_000
/** As long as kube-apiserver keeps events. */
const KEEP_MS = 3_600_000
/** Removed in one go, so that a flood of events does not stall other writes. */
const AT_ONCE = 500

const types = [
  { group: '', plural: 'events' },
  { group: 'events.k8s.io', plural: 'events' },
]

interface EventTimes extends KubeObject {
  lastTimestamp?: string | null
  eventTime?: string | null
  series?: { lastObservedTime?: string }
}

/** Removes events that nothing was added to for an hour. */
export class EventExpiry {
  readonly #objects: Objects
  readonly #now: () => number
  #timer: NodeJS.Timeout | undefined

  constructor(objects: Objects, now: () => number) {
    this.#objects = objects
    this.#now = now
  }

  start(): void {
    this.#timer = setInterval(() => void this.sweep(), EVERY_MS)
    this.#timer.unref()
  }

  close(): void {
    clearInterval(this.#timer)
  }

  /** Remove what is old now. @returns how many went */
  async sweep(): Promise<number> {
    const before = this.#now() - KEEP_MS
    let removed = 0
    for (const type of types) {
      const old = [...this.#objects.list<EventTimes>(type)]
        .filter((event) => lastSeen(event) < before)
        .slice(0, AT_ONCE)
      for (const { metadata } of old) {
        // One that is gone already, or a store that is busy, is made up for by the next sweep.
        await this.#objects.delete(type, metadata.namespace ?? '', metadata.name ?? '').then(
          () => (removed += 1),
          () => undefined,
        )
      }
    }
    return removed
  }
}

function lastSeen({ metadata, lastTimestamp, eventTime, series }: EventTimes): number {
  const times = [metadata.creationTimestamp, lastTimestamp, eventTime, series?.lastObservedTime]
  return Math.max(0, ...times.filter((time) => typeof time === 'string').map((time) => Date.parse(time)))
}
