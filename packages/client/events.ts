import { Event } from '@thresher/api/core/event'
import { ApiError, isReason } from '@thresher/api/error'
import type { KubeObject } from '@thresher/api/meta'
import type { Client } from './client.ts'
import { formatTime } from './conditions.ts'

/** What happened to an object, for its user to read. */
export interface Happening {
  /** The object; apiVersion and kind are taken from it. */
  object: KubeObject
  type?: 'Normal' | 'Warning'
  /** One word in CamelCase, such as `FailedScheduling`. */
  reason: string
  /** One sentence. */
  message: string
}

interface Series {
  name: string
  namespace: string
  count: number
  lastSeenMs: number
}

/** The same event within this time raises the count of the first instead of making a new one. */
const seriesMs = 10 * 60_000
/** How many series are remembered; the oldest goes first. */
const seriesKept = 1000

/** An event that waits to be written. */
interface Waiting {
  happening: Happening
  /** When it happened, in milliseconds since 1970. */
  atMs: number
}

/** A server that is away, or whose disk is full, is waited for so long, and for so many events; then the oldest go. */
const keptMs = 10 * 60_000
const keptEvents = 200
/** Pause before the first and before later tries, in milliseconds. */
const pauses = { first: 1000, most: 10_000 }

/**
 * Records events of the core API. Recording never fails and never waits. What cannot be written as the server is away is written when it
 * is back, with the time at which it happened; what it refuses is dropped.
 *
 * The same event again within ten minutes raises the count of the first.
 */
export class EventRecorder {
  readonly #client: Client
  readonly #component: string
  readonly #host: string
  readonly #series = new Map<string, Series>()
  readonly #waiting: Waiting[] = []
  readonly #pauses: typeof pauses
  #writing: Promise<void> | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #pauseMs: number

  /** @param host where the component runs, as events name it */
  constructor(client: Client, component: string, host = '', times = pauses) {
    this.#client = client
    this.#component = component
    this.#host = host
    this.#pauses = times
    this.#pauseMs = times.first
  }

  record(happening: Happening): void {
    this.#waiting.push({ happening, atMs: Date.now() })
    if (this.#waiting.length > keptEvents) this.#waiting.shift()
    if (!this.#timer) this.#start()
  }

  /** Resolves when all that was recorded is written or dropped, or waits for the server. */
  async flushed(): Promise<void> {
    while (this.#writing) await this.#writing
  }

  #start(): void {
    this.#timer = undefined
    this.#writing ??= this.#drain().finally(() => (this.#writing = undefined))
  }

  async #drain(): Promise<void> {
    for (let first = this.#waiting[0]; first; first = this.#waiting[0]) {
      try {
        await this.#write(first)
        this.#pauseMs = this.#pauses.first
      } catch (error) {
        if (isAway(error) && Date.now() - first.atMs < keptMs) return this.#tryLater()
      }
      if (this.#waiting[0] === first) this.#waiting.shift()
    }
  }

  #tryLater(): void {
    this.#timer = setTimeout(() => this.#start(), this.#pauseMs)
    // A browser's timers are numbers.
    if (typeof this.#timer === 'object') this.#timer.unref()
    this.#pauseMs = Math.min(this.#pauseMs * 2, this.#pauses.most)
  }

  async #write({ happening, atMs: nowMs }: Waiting): Promise<void> {
    const { object, type = 'Normal', reason, message } = happening
    const { name, namespace = 'default', uid } = object.metadata
    const time = formatTime(new Date(nowMs))
    const id = [uid, namespace, name, type, reason, message].join('\n')
    const series = this.#series.get(id)
    const events = this.#client.resource(Event)
    this.#series.delete(id)
    if (series && nowMs - series.lastSeenMs < seriesMs) {
      try {
        await events.patch(series.name, series.namespace, { count: series.count + 1, lastTimestamp: time })
        this.#series.set(id, { ...series, count: series.count + 1, lastSeenMs: nowMs })
        return
      } catch (error) {
        if (!isReason(error, 'NotFound')) throw error
      }
    }
    const eventName = `${(name ?? '').slice(0, 220)}.${nowMs.toString(16)}${randomHex()}`
    await events.create({
      metadata: { name: eventName, namespace },
      involvedObject: {
        apiVersion: object.apiVersion,
        kind: object.kind,
        name,
        namespace: object.metadata.namespace,
        uid,
        resourceVersion: object.metadata.resourceVersion,
      },
      type,
      reason,
      message: message.slice(0, 1024),
      count: 1,
      firstTimestamp: time,
      lastTimestamp: time,
      source: { component: this.#component, ...(this.#host ? { host: this.#host } : {}) },
      reportingComponent: this.#component,
      reportingInstance: this.#host || this.#component,
    })
    this.#series.set(id, { name: eventName, namespace, count: 1, lastSeenMs: nowMs })
    for (const oldest of this.#series.keys()) {
      if (this.#series.size <= seriesKept) break
      this.#series.delete(oldest)
    }
  }
}

/** Whether the server was not there, or could not do it now, rather than refuse it. */
function isAway(error: unknown): boolean {
  return !(error instanceof ApiError) || isReason(error, 'ServiceUnavailable', 'TooManyRequests', 'Timeout')
}

/** Twelve hexadecimal digits that keep the names of events of one millisecond apart. */
function randomHex(): string {
  return Math.trunc(Math.random() * 2 ** 48)
    .toString(16)
    .padStart(12, '0')
}
