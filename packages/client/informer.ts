import { isReason } from '@thresher/api/error'
import type { KubeObject } from '@thresher/api/meta'
import type { ListOptions, ResourceClient } from './client.ts'
import { keyOf, type KindAddress } from './paths.ts'
import { pause } from './pause.ts'

/** What happened to an object. `previous` is what the informer held before. */
export type Change<O> =
  | { type: 'added'; object: O; previous?: undefined }
  | { type: 'updated'; object: O; previous: O }
  | { type: 'deleted'; object: O; previous: O }

/** Under which values an object is found again by {@link Informer.byIndex}. */
export type IndexFunction<O> = (object: O) => readonly string[]

export interface InformerOptions<O> extends Pick<ListOptions, 'namespace' | 'labelSelector' | 'fieldSelector'> {
  indexes?: Record<string, IndexFunction<O>>
  /** Told when the server could not be reached or refused; the informer tries again by itself. */
  onError?: (error: unknown) => void
}

interface Index<O> {
  of: IndexFunction<O>
  keys: Map<string, Set<string>>
}

/** Delays between tries to reach the server, in milliseconds. */
const firstRetryMs = 50
const longestRetryMs = 2_000

/**
 * All objects of a kind, kept current by one list and one watch.
 *
 * Objects are those that the transport gave, shared by all readers: treat them as read-only. After a lost connection the
 * watch goes on from where it was; when the server no longer knows that place (410) the informer lists again and tells
 * only the differences.
 */
export class Informer<O extends KubeObject> {
  readonly #resource: ResourceClient<O>
  readonly #options: InformerOptions<O>
  readonly #objects = new Map<string, O>()
  readonly #indexes = new Map<string, Index<O>>()
  readonly #handlers = new Set<(change: Change<O>) => void>()
  readonly #synced = Promise.withResolvers<void>()
  #hasSynced = false
  /** The revision up to which the watch has told everything. */
  #revision = 0
  #resourceVersion = ''

  constructor(resource: ResourceClient<O>, options: InformerOptions<O> = {}) {
    this.#resource = resource
    this.#options = options
    for (const [name, of] of Object.entries(options.indexes ?? {})) this.addIndex(name, of)
    this.#synced.promise.catch(() => {})
  }

  get kind(): KindAddress {
    return this.#resource.kind
  }

  /** Resolves after the first list; rejects when stopped before. */
  get synced(): Promise<void> {
    return this.#synced.promise
  }

  get hasSynced(): boolean {
    return this.#hasSynced
  }

  /** Find objects by a value too. An index of the same name is kept as it is. */
  addIndex(name: string, of: IndexFunction<O>): void {
    if (this.#indexes.has(name)) return
    const index: Index<O> = { of: (object) => this.#valuesOf(of, object), keys: new Map() }
    this.#indexes.set(name, index)
    for (const [key, object] of this.#objects) indexAdd(index, key, object)
  }

  /** An object that an index cannot read is not found by it. */
  #valuesOf(of: IndexFunction<O>, object: O): readonly string[] {
    try {
      return of(object)
    } catch (error) {
      this.#options.onError?.(error)
      return []
    }
  }

  /** Be told of every change from now on. Gives the way to stop that. */
  onChange(handler: (change: Change<O>) => void): () => void {
    this.#handlers.add(handler)
    return () => this.#handlers.delete(handler)
  }

  /** By key: `namespace/name` or `name`. */
  get(key: string): O | undefined {
    return this.#objects.get(key)
  }

  list(namespace?: string): O[] {
    const all = [...this.#objects.values()]
    return namespace === undefined ? all : all.filter((object) => object.metadata.namespace === namespace)
  }

  /** How many objects are held. */
  get size(): number {
    return this.#objects.size
  }

  byIndex(name: string, value: string): O[] {
    const index = this.#indexes.get(name)
    if (!index) throw new RangeError(`the informer for ${this.#resource.kind.plural} has no index "${name}"`)
    const found: O[] = []
    for (const key of index.keys.get(value) ?? []) {
      const object = this.#objects.get(key)
      if (object) found.push(object)
    }
    return found
  }

  /**
   * Take in the answer of one's own write before the watch tells of it, so that the next look sees it.
   * An answer that the watch has overtaken is ignored.
   */
  observe(object: O): void {
    if (!this.#hasSynced || revisionOf(object) <= this.#revision) return
    this.#set(object)
  }

  /** List and watch until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    let failures = 0
    let relist = true
    while (!signal.aborted) {
      const started = Date.now()
      try {
        if (relist) await this.#list(signal)
        relist = false
        await this.#watch(signal)
        // The server ends watches now and then; one that ends at once again and again is slowed down.
        failures = Date.now() - started > 1000 ? 0 : failures + 1
      } catch (error) {
        if (signal.aborted) break
        if (isReason(error, 'Expired', 'Gone')) relist = true
        else this.#options.onError?.(error)
        failures = Date.now() - started > longestRetryMs ? 1 : failures + 1
      }
      if (failures === 0 || signal.aborted) continue
      const pauseMs = Math.min(firstRetryMs * 2 ** (failures - 1), longestRetryMs)
      await pause(pauseMs * (0.5 + Math.random()), signal)
    }
    if (!this.#hasSynced) this.#synced.reject(signal.reason)
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { namespace, labelSelector, fieldSelector } = this.#options
    const list = await this.#resource.list({ namespace, labelSelector, fieldSelector, signal })
    const gone = new Set(this.#objects.keys())
    for (const object of list.items) {
      gone.delete(keyOf(object))
      this.#set(object)
    }
    for (const key of gone) this.#remove(key)
    this.#progress(list.metadata.resourceVersion)
    this.#hasSynced = true
    this.#synced.resolve()
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { namespace, labelSelector, fieldSelector } = this.#options
    const events = this.#resource.watch({
      namespace,
      labelSelector,
      fieldSelector,
      resourceVersion: this.#resourceVersion,
      allowWatchBookmarks: true,
      signal,
    })
    for await (const { type, object } of events) {
      if (type === 'ADDED' || type === 'MODIFIED') this.#set(object)
      else if (type === 'DELETED') this.#remove(keyOf(object), object)
      this.#progress(object.metadata.resourceVersion)
    }
  }

  #progress(resourceVersion: string | undefined): void {
    if (!resourceVersion) return
    this.#resourceVersion = resourceVersion
    this.#revision = Number(resourceVersion)
  }

  #set(object: O): void {
    const key = keyOf(object)
    const previous = this.#objects.get(key)
    if (previous) {
      const sameObject = previous.metadata.uid === object.metadata.uid
      if (sameObject && revisionOf(previous) >= revisionOf(object)) return
      for (const index of this.#indexes.values()) indexRemove(index, key, previous)
    }
    this.#objects.set(key, object)
    for (const index of this.#indexes.values()) indexAdd(index, key, object)
    if (!previous) return this.#tell({ type: 'added', object })
    // Deleted and made anew while we did not look: both are told.
    if (previous.metadata.uid !== object.metadata.uid) {
      this.#tell({ type: 'deleted', object: previous, previous })
      return this.#tell({ type: 'added', object })
    }
    this.#tell({ type: 'updated', object, previous })
  }

  #remove(key: string, last?: O): void {
    const previous = this.#objects.get(key)
    if (!previous) return
    // Another object took the name already, as our own write told before the watch did.
    if (last && last.metadata.uid !== previous.metadata.uid) return
    this.#objects.delete(key)
    for (const index of this.#indexes.values()) indexRemove(index, key, previous)
    this.#tell({ type: 'deleted', object: last ?? previous, previous })
  }

  /** One handler that stumbles over an object must keep neither the others nor the objects to come from being told. */
  #tell(change: Change<O>): void {
    for (const handler of this.#handlers) {
      try {
        handler(change)
      } catch (error) {
        this.#options.onError?.(error)
      }
    }
  }
}

/** A resourceVersion as a number; versions of one server are ordered. */
function revisionOf(object: KubeObject): number {
  return Number(object.metadata.resourceVersion ?? 0)
}

function indexAdd<O>(index: Index<O>, key: string, object: O): void {
  for (const value of index.of(object)) {
    const keys = index.keys.get(value)
    if (keys) keys.add(key)
    else index.keys.set(value, new Set([key]))
  }
}

function indexRemove<O>(index: Index<O>, key: string, object: O): void {
  for (const value of index.of(object)) {
    const keys = index.keys.get(value)
    keys?.delete(key)
    if (keys?.size === 0) index.keys.delete(value)
  }
}
