import { ApiError, isReason } from '@thresher/api/error'
import type { KubeObject, WatchEvent } from '@thresher/api/meta'
import type { Entry } from '../entry.ts'
import type { CacheEvent } from '../event-window.ts'
import type { Resource } from '../registry.ts'
import type { ResourceCall, StreamAnswer, StreamSink } from '../request.ts'
import { encodeEvent, protobufType } from '../protobuf/envelope.ts'
import { encode, objectAs, shapeObject } from './answers.ts'
import type { Context } from './context.ts'
import type { Form } from './form.ts'
import { isTrue } from './request-info.ts'
import { awaitVersion, invalidMatch, readWanted } from './resource-version.ts'
import { inScope, readSelection, scopeOf, type Selection } from './selection.ts'

/** Lines gathered before they are handed on. */
const BATCH_BYTES = 64 * 1024
const BOOKMARK_MS = 60_000
/** A watch without timeoutSeconds ends after half an hour to an hour, so that watches spread over servers again. */
const SHORTEST_MS = 1_800_000
/** The annotation that ends the first part of a streaming list. @see Kubernetes `metav1.InitialEventsAnnotationKey` */
const INITIAL_END = { 'k8s.io/initial-events-end': 'true' }

type EventType = 'ADDED' | 'MODIFIED' | 'DELETED'

/** What one watch delivers, as values or as lines. */
interface Delivery {
  /** @returns false when the receiver is behind */
  event(type: EventType, entry: Entry, revision: number, shared: CacheEvent | undefined): boolean
  bookmark(revision: number, annotations?: Record<string, string>): boolean
  error(error: ApiError): void
  /** Hand on what was gathered. @returns false when the receiver is behind */
  flush(): boolean
  end(): void
}

interface WatchPlan {
  selection: Selection
  /** Sent first, as ADDED. */
  initial: readonly Entry[]
  initialRange: [number, number]
  /** Bookmark after the initial events. */
  markInitialEnd: boolean
  bookmarks: boolean
  /** Changes after this revision follow. */
  from: number
  timeoutMs: number
}

/** GET with `watch=true`. When the changes since resourceVersion are no longer kept, the stream's only line says so. */
export async function watchObjects(
  context: Context,
  resource: Resource,
  call: ResourceCall,
  form: Form,
): Promise<StreamAnswer> {
  const plan = await planWatch(context, resource, call).catch((error: unknown) => {
    if (isReason(error, 'Expired')) return error
    throw error
  })
  if (plan instanceof ApiError) return expiredStream(plan, form)
  return {
    status: 200,
    contentType: eventType(form),
    headers: { 'cache-control': 'no-cache, private' },
    stream(sink) {
      const delivery = lineDelivery(resource, call, form, sink)
      const watch = new Watch(context, resource, plan, delivery, call.request.signal)
      sink.onDrain(() => watch.resume())
      watch.start()
    },
    values: () => valueEvents(context, resource, call, plan),
  }
}

function expiredStream(error: ApiError, form: Form): StreamAnswer {
  const event = { type: 'ERROR', object: error.toStatus() }
  return {
    status: 200,
    contentType: eventType(form),
    stream(sink) {
      sink.write(encodeLine('ERROR', event.object, form))
      sink.end()
    },
    async *values() {
      yield event
    },
  }
}

async function planWatch(context: Context, resource: Resource, call: ResourceCall): Promise<WatchPlan> {
  const { query } = call.request
  const { cache } = resource
  const selection = readSelection(resource, call)
  const streaming = query.has('sendInitialEvents') ? isTrue(query.get('sendInitialEvents')) : undefined
  const wanted = readWatchVersion(query, streaming)
  await awaitVersion(context, streaming === undefined && wanted.revision === undefined ? { revision: 0 } : wanted)
  const bookmarks = isTrue(query.get('allowWatchBookmarks'))
  const base = { selection, bookmarks, timeoutMs: readTimeout(query.get('timeoutSeconds')) }
  const fromNow = streaming ?? !wanted.revision
  if (fromNow) {
    const entries = cache.entries()
    return {
      ...base,
      initial: entries,
      initialRange: scopeOf(entries, selection),
      markInitialEnd: streaming === true && bookmarks,
      from: context.feed.revision,
    }
  }
  const from = wanted.revision || context.feed.revision
  if (from < cache.window.floor) throw tooOld(from, cache.window.floor)
  return { ...base, initial: [], initialRange: [0, 0], markInitialEnd: false, from }
}

function readWatchVersion(query: URLSearchParams, streaming: boolean | undefined) {
  if (streaming === undefined) return readWanted(query, !query.has('resourceVersionMatch') || false)
  if (query.get('resourceVersionMatch') !== 'NotOlderThan') {
    throw invalidMatch(
      'Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
      'resourceVersionMatch',
    )
  }
  const text = query.get('resourceVersion') ?? ''
  return text === '' ? {} : readWanted(query, true)
}

function readTimeout(text: string | null): number {
  if (text === null || text === '' || text === '0') return SHORTEST_MS * (1 + Math.random())
  const seconds = Number(text)
  if (Number.isSafeInteger(seconds) && seconds > 0) return Math.min(seconds * 1000, 2 ** 31 - 1)
  throw new ApiError(
    'BadRequest',
    `timeoutSeconds: Invalid value: ${JSON.stringify(text)}: must be a number of seconds above 0`,
  )
}

function tooOld(from: number, floor: number): ApiError {
  return new ApiError('Expired', `too old resource version: ${from} (${floor})`)
}

/**
 * A place in a kind's changes that moves on as fast as its receiver takes them.
 *
 * It holds no queue: a receiver that is slow falls behind in the cache's window, and when the window has moved past it,
 * the watch ends with 410 and the client lists again. So slow receivers cost no memory.
 */
class Watch {
  readonly #context: Context
  readonly #resource: Resource
  readonly #plan: WatchPlan
  readonly #delivery: Delivery
  readonly #signal: AbortSignal
  readonly #undo: (() => void)[] = []
  #initialAt: number
  #initialEnded = false
  #position: number
  #blocked = false
  #ended = false
  #running = false

  constructor(context: Context, resource: Resource, plan: WatchPlan, delivery: Delivery, signal: AbortSignal) {
    this.#context = context
    this.#resource = resource
    this.#plan = plan
    this.#delivery = delivery
    this.#signal = signal
    this.#initialAt = plan.initialRange[0]
    this.#position = resource.cache.window.after(plan.from)
  }

  start(): void {
    if (this.#signal.aborted) return this.#end()
    const stop = () => this.#end()
    this.#signal.addEventListener('abort', stop, { once: true })
    const timeout = setTimeout(stop, this.#plan.timeoutMs)
    this.#undo.push(
      () => this.#signal.removeEventListener('abort', stop),
      () => clearTimeout(timeout),
      this.#resource.cache.onChange(() => this.#pump()),
      this.#resource.cache.onEnd(stop),
    )
    if (this.#plan.bookmarks) {
      const timer = setInterval(() => this.#bookmark(), BOOKMARK_MS * (0.9 + Math.random() * 0.2))
      this.#undo.push(() => clearInterval(timer))
    }
    this.#pump()
  }

  /** The receiver takes more again. */
  resume(): void {
    this.#blocked = false
    this.#pump()
  }

  #pump(): void {
    if (this.#running) return
    this.#running = true
    while (!this.#blocked && !this.#ended && this.#step());
    if (!this.#ended && !this.#delivery.flush()) this.#blocked = true
    this.#running = false
  }

  /** Deliver one thing. @returns false when there is nothing left */
  #step(): boolean {
    const { plan, window } = { plan: this.#plan, window: this.#resource.cache.window }
    const { selection } = plan
    if (this.#initialAt < plan.initialRange[1]) {
      const entry = plan.initial[this.#initialAt++]!
      if (!selection.matches || selection.matches(entry)) {
        this.#blocked = !this.#delivery.event('ADDED', entry, entry.revision, undefined)
      }
      return true
    }
    if (!this.#initialEnded) {
      this.#initialEnded = true
      plan.initial = []
      if (plan.markInitialEnd) this.#blocked = !this.#delivery.bookmark(plan.from, INITIAL_END)
      return true
    }
    if (this.#position < window.first) {
      this.#delivery.error(tooOld(plan.from, window.floor))
      this.#end()
      return false
    }
    if (this.#position >= window.end) return false
    const event = window.at(this.#position++)
    // A reload of the cache brings changes that are older than what the initial list held already.
    if (event.revision <= plan.from || !inScope(selection, event.key)) return true
    const was = event.previous && (!selection.matches || selection.matches(event.previous))
    const is = event.entry && (!selection.matches || selection.matches(event.entry))
    if (is) this.#blocked = !this.#delivery.event(was ? 'MODIFIED' : 'ADDED', event.entry!, event.revision, event)
    else if (was) this.#blocked = !this.#delivery.event('DELETED', event.previous!, event.revision, event)
    return true
  }

  #bookmark(): void {
    const caughtUp = this.#initialEnded && this.#position >= this.#resource.cache.window.end
    if (this.#blocked || !caughtUp) return
    this.#blocked = !this.#delivery.bookmark(this.#context.feed.revision)
    if (!this.#delivery.flush()) this.#blocked = true
  }

  #end(): void {
    if (this.#ended) return
    this.#ended = true
    for (const undo of this.#undo) undo()
    this.#delivery.flush()
    this.#delivery.end()
  }
}

function bookmarkObject(call: ResourceCall, revision: number, annotations?: Record<string, string>): KubeObject {
  const { apiVersion, kind } = call.kind
  // `creationTimestamp: null` and no name: that is what clients decode a bookmark from.
  const metadata = {
    resourceVersion: String(revision),
    creationTimestamp: null as never,
    ...(annotations ? { annotations } : {}),
  }
  return { apiVersion, kind, metadata }
}

function lineDelivery(resource: Resource, call: ResourceCall, form: Form, sink: StreamSink): Delivery {
  const { kind } = call
  const prefix = resource.prefix(kind).bytes
  const shape = form.shape === 'partial-list' ? 'partial' : form.shape
  const id = `${form.encoding} ${shape} ${form.version} ${form.includeObject} ${kind.apiVersion} `
  let lines: Buffer[] = []
  let bytes = 0
  const flush = () => {
    if (lines.length === 0) return true
    const all = join(lines, bytes)
    lines = []
    bytes = 0
    return sink.write(all)
  }
  const add = (line: Buffer) => {
    lines.push(line)
    bytes += line.length
    return bytes < BATCH_BYTES || flush()
  }
  const render = (type: EventType, entry: Entry, revision: number) =>
    shape === 'plain' && form.encoding !== 'protobuf'
      ? plainLine(type, prefix, entry, revision)
      : encodeLine(type, shapeObject(kind, at(resource, call, entry, revision), form), form)
  return {
    event(type, entry, revision, shared) {
      if (!shared) return add(render(type, entry, revision))
      let line = shared.lines.get(id + type)
      if (!line) {
        line = render(type, entry, revision)
        shared.lines.set(id + type, line)
      }
      return add(line)
    },
    bookmark: (revision, annotations) => {
      const object = bookmarkObject(call, revision, annotations)
      return add(encodeLine('BOOKMARK', shape === 'plain' ? object : shapeObject(kind, object, form), form))
    },
    error: (error) => void add(encodeLine('ERROR', error.toStatus(), form)),
    flush,
    end: () => sink.end(),
  }
}

/** The media type of a watch. */
function eventType(form: Form): string {
  return form.encoding === 'protobuf' ? `${protobufType};stream=watch` : 'application/json'
}

/** One event: a line of JSON, or a frame of protobuf. */
function encodeLine(type: string, object: unknown, form: Form): Buffer {
  if (form.encoding !== 'protobuf') return Buffer.from(`${JSON.stringify({ type, object })}\n`)
  return encodeEvent(type, Buffer.concat([...encode(200, object, form).chunks()]))
}

/** The latest lines that were joined, by the first of them: watchers that keep step get the same ones. */
const joined = new WeakMap<Buffer, { lines: readonly Buffer[]; all: Buffer }>()

function join(lines: readonly Buffer[], bytes: number): Buffer {
  const first = lines[0]!
  if (lines.length === 1) return first
  const known = joined.get(first)
  if (known?.lines.length === lines.length && known.lines.every((line, index) => line === lines[index]))
    return known.all
  const all = Buffer.concat(lines, bytes)
  joined.set(first, { lines, all })
  return all
}

function plainLine(type: EventType, prefix: Buffer, entry: Entry, revision: number): Buffer {
  const head = `{"type":"${type}","object":`
  const version = `"resourceVersion":"${revision}",`
  const line = Buffer.allocUnsafe(head.length + prefix.length + version.length + entry.body.length + 2)
  let offset = line.write(head, 0, 'latin1')
  offset += prefix.copy(line, offset)
  offset += line.write(version, offset, 'latin1')
  offset += entry.body.copy(line, offset)
  line[offset] = 0x7d
  line[offset + 1] = 0x0a
  return line
}

/** An entry's object at the revision of its event: that of a deletion is later than the entry's own. */
function at(resource: Resource, call: ResourceCall, entry: Entry, revision: number): KubeObject {
  const object = objectAs(resource, call.kind, entry)
  if (revision === entry.revision) return object
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } }
}

/** The watch for a caller in the same process. What it has not taken yet waits in the window, as for any receiver. */
async function* valueEvents(
  context: Context,
  resource: Resource,
  call: ResourceCall,
  plan: WatchPlan,
): AsyncGenerator<WatchEvent> {
  let queue: WatchEvent[] = []
  let wake: (() => void) | undefined
  let ended = false
  const push = (event: WatchEvent) => {
    queue.push(event)
    wake?.()
    return queue.length < 1000
  }
  const stop = new AbortController()
  const signal = AbortSignal.any([call.request.signal, stop.signal])
  const delivery: Delivery = {
    event: (type, entry, revision) => push({ type, object: at(resource, call, entry, revision) }),
    bookmark: (revision, annotations) =>
      push({ type: 'BOOKMARK', object: bookmarkObject(call, revision, annotations) }),
    error: (error) => void push({ type: 'ERROR', object: error.toStatus() }),
    flush: () => true,
    end: () => {
      ended = true
      wake?.()
    },
  }
  const watch = new Watch(context, resource, plan, delivery, signal)
  watch.start()
  try {
    for (;;) {
      const events = queue
      queue = []
      yield* events
      if (queue.length > 0) continue
      if (ended) return
      watch.resume()
      if (queue.length === 0 && !ended) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
        wake = undefined
      }
    }
  } finally {
    stop.abort()
  }
}
