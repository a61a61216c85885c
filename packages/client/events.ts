import { Event } from '@thresher/api/core/event'
import { isReason } from '@thresher/api/error'
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

/**
 * Records events of the core API. Recording never fails and never waits: an event that cannot be written is dropped.
 *
 * The same event again within ten minutes raises the count of the first.
 */
export class EventRecorder {
  readonly #client: Client
  readonly #component: string
  readonly #host: string
  readonly #series = new Map<string, Series>()
  #last: Promise<void> = Promise.resolve()

  /** @param host where the component runs, as events name it */
  constructor(client: Client, component: string, host = '') {
    this.#client = client
    this.#component = component
    this.#host = host
  }

  record(happening: Happening): void {
    this.#last = this.#last.then(() => this.#write(happening)).catch(() => {})
  }

  /** Resolves when all that was recorded is written or dropped. */
  flushed(): Promise<void> {
    return this.#last
  }

  async #write(happening: Happening): Promise<void> {
    const { object, type = 'Normal', reason, message } = happening
    const { name, namespace = 'default', uid } = object.metadata
    const nowMs = Date.now()
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

/** Twelve hexadecimal digits that keep the names of events of one millisecond apart. */
function randomHex(): string {
  return Math.trunc(Math.random() * 2 ** 48)
    .toString(16)
    .padStart(12, '0')
}
