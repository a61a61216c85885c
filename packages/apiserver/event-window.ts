import type { Entry } from './entry.ts'

/** A change of one object. An object that was created has no `previous`, a deleted one no `entry`. */
export interface CacheEvent {
  revision: number
  key: string
  entry?: Entry
  previous?: Entry
  /** The lines sent to watchers, by event type and version of the kind; made once for all of them. */
  lines: Map<string, Buffer>
  /** Milliseconds of the process's own clock, `performance.now()`. */
  at: number
}

/** How much of the past is kept, whichever is reached first; the newest {@link KEPT_ALWAYS} events stay in any case. */
export interface WindowLimits {
  events: number
  bytes: number
  ageMs: number
}

const KEPT_ALWAYS = 100
/** Watchers that keep up share the newest events' serialised lines; one that lags makes its own. */
const LINES_KEPT = 64
export const defaultWindow: WindowLimits = { events: 16_384, bytes: 24 * 1024 * 1024, ageMs: 300_000 }

/** The recent changes of a kind, in order, from which watches resume and lists of a past revision are made. */
export class EventWindow {
  readonly #limits: WindowLimits
  /** The event with sequence number n is at n − dropped + offset; places before offset are empty. */
  #events: CacheEvent[] = []
  #dropped = 0
  #offset = 0
  #bytes = 0
  /** Everything after this revision is in the window. */
  #floor: number

  constructor(floor: number, limits: WindowLimits = defaultWindow) {
    this.#floor = floor
    this.#limits = limits
  }

  /** A watch may resume from here and later. */
  get floor(): number {
    return this.#floor
  }

  get bytes(): number {
    return this.#bytes
  }

  /** The sequence number that the next event will get. Sequence numbers rise by one for each event. */
  get end(): number {
    return this.#dropped + this.#events.length - this.#offset
  }

  /** The oldest event's sequence number. */
  get first(): number {
    return this.#dropped
  }

  push(event: CacheEvent): void {
    this.#events.push(event)
    this.#bytes += sizeOf(event)
    if (this.end - LINES_KEPT > this.first) this.at(this.end - 1 - LINES_KEPT).lines.clear()
    const { events, bytes, ageMs } = this.#limits
    while (this.#events.length - this.#offset > KEPT_ALWAYS) {
      const oldest = this.#events[this.#offset]!
      const count = this.#events.length - this.#offset
      if (count <= events && this.#bytes <= bytes && event.at - oldest.at <= ageMs) break
      this.#dropOldest()
    }
  }

  #dropOldest(): void {
    const oldest = this.#events[this.#offset]!
    this.#floor = oldest.revision
    this.#bytes -= sizeOf(oldest)
    this.#events[this.#offset] = undefined as never
    this.#offset += 1
    this.#dropped += 1
    if (this.#offset > 1024 && this.#offset * 2 > this.#events.length) {
      this.#events = this.#events.slice(this.#offset)
      this.#offset = 0
    }
  }

  /** The event with a sequence number in [first, end). */
  at(sequence: number): CacheEvent {
    return this.#events[this.#offset + sequence - this.#dropped]!
  }

  /** The sequence number of the first event after `revision`; the window must reach back to it. */
  after(revision: number): number {
    let low = this.first
    let high = this.end
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.at(middle).revision > revision) high = middle
      else low = middle + 1
    }
    return low
  }
}

function sizeOf(event: CacheEvent): number {
  return 300 + (event.previous?.body.length ?? 0)
}
