import { ApiError } from '@thresher/api/error'
import { bareWordsOf } from '@thresher/api/bare-words'
import type { KubeList, KubeObject, WatchEvent } from '@thresher/api/meta'
import type { ApiRequest, Transport } from './transport.ts'

type Stored = KubeObject & Record<string, unknown>
interface Watcher {
  collection: string
  namespace: string | undefined
  pending: WatchEvent[]
  wake: () => void
  ended: boolean
}

/** What {@link MemoryTransport} may be told to do before it answers; throw to refuse. */
export type Interference = (request: ApiRequest) => void | Promise<void>

/**
 * The least of a Kubernetes API, in memory, for tests of clients: objects with revisions, conflicts, generateName,
 * finalizers, merge patches, watches that can be cut and forgotten. No schema, no selectors but metadata.name.
 */
export class MemoryTransport implements Transport {
  readonly #objects = new Map<string, Stored>()
  readonly #history: { revision: number; collection: string; event: WatchEvent<Stored> }[] = []
  readonly #watchers = new Set<Watcher>()
  #revision = 0
  #oldest = 0
  /** All requests, in order, as `METHOD path`. */
  readonly requests: string[] = []
  interfere: Interference | undefined
  /** What was written into conditions and events that no user should read. */
  readonly bareWords: string[] = []

  async request<T>(request: ApiRequest): Promise<T> {
    request.signal?.throwIfAborted()
    await Promise.resolve()
    this.requests.push(`${request.method} ${request.path}`)
    await this.interfere?.(request)
    return this.#answer(request) as T
  }

  async *watch<T>(request: ApiRequest): AsyncGenerator<WatchEvent<T>> {
    this.requests.push(`WATCH ${request.path}`)
    await this.interfere?.(request)
    const { collection, namespace } = parsePath(request.path)
    const from = Number(request.query?.['resourceVersion'] ?? this.#revision)
    if (from < this.#oldest) throw new ApiError('Expired', `too old resource version: ${from} (${this.#oldest})`)
    const watcher: Watcher = { collection, namespace, pending: [], wake: () => {}, ended: false }
    for (const past of this.#history) if (past.revision > from) offer(watcher, past.collection, past.event)
    this.#watchers.add(watcher)
    const abort = (): void => end(watcher)
    request.signal?.addEventListener('abort', abort)
    try {
      for (;;) {
        for (const event of watcher.pending.splice(0)) yield event as WatchEvent<T>
        request.signal?.throwIfAborted()
        if (watcher.ended) return
        // Some may have come while their reader was busy with those before.
        if (watcher.pending.length > 0) continue
        await new Promise<void>((resolve) => (watcher.wake = resolve))
      }
    } finally {
      this.#watchers.delete(watcher)
      request.signal?.removeEventListener('abort', abort)
    }
  }

  close(): Promise<void> {
    this.cutWatches()
    return Promise.resolve()
  }

  /** End all watches, as a lost connection does. */
  cutWatches(): void {
    for (const watcher of this.#watchers) end(watcher)
  }

  /** Forget all events so far, so that a watch from before gets 410. */
  compact(): void {
    this.#history.length = 0
    this.#oldest = this.#revision
  }

  #answer(request: ApiRequest): unknown {
    const { collection, namespace, name, subresource } = parsePath(request.path)
    const body = structuredClone(request.body) as Stored
    if (name === undefined) {
      if (request.method === 'GET') return this.#list(collection, namespace)
      return this.#create(collection, namespace, body)
    }
    const key = `${collection} ${namespace ?? ''}/${name}`
    const held = this.#objects.get(key)
    if (!held) throw new ApiError('NotFound', `${collection} "${name}" not found`)
    if (request.method === 'GET') return held
    if (request.method === 'DELETE') return this.#delete(key, held, body)
    if (subresource === 'binding') {
      const target = body['target'] as { name: string }
      return this.#put(key, collection, held, { ...held, spec: { ...(held['spec'] as object), nodeName: target.name } })
    }
    const sent = request.method === 'PATCH' ? (mergePatch(held, body) as Stored) : body
    const asked = body.metadata?.resourceVersion
    if (asked !== undefined && asked !== held.metadata.resourceVersion)
      throw new ApiError('Conflict', `${collection} "${name}" was changed by another; read it again`)
    const next = subresource === 'status' ? { ...held, status: sent['status'] } : { ...sent, status: held['status'] }
    return this.#put(key, collection, held, next)
  }

  #list(collection: string, namespace: string | undefined): KubeList<Stored> {
    const items = [...this.#objects].flatMap(([key, object]) =>
      key.startsWith(`${collection} ${namespace === undefined ? '' : `${namespace}/`}`) ? [object] : [],
    )
    return { apiVersion: 'v1', kind: 'List', metadata: { resourceVersion: String(this.#revision) }, items }
  }

  #create(collection: string, namespace: string | undefined, body: Stored): Stored {
    const name = body.metadata.name ?? `${body.metadata.generateName ?? ''}${crypto.randomUUID().slice(0, 5)}`
    const key = `${collection} ${namespace ?? ''}/${name}`
    if (this.#objects.has(key)) throw new ApiError('AlreadyExists', `${collection} "${name}" already exists`)
    const metadata = {
      ...body.metadata,
      name,
      ...(namespace ? { namespace } : {}),
      uid: crypto.randomUUID(),
      generation: 1,
      creationTimestamp: new Date().toISOString(),
    }
    return this.#store(key, collection, 'ADDED', { ...body, metadata })
  }

  #put(key: string, collection: string, held: Stored, next: Stored): Stored {
    const changedSpec = JSON.stringify(next['spec']) !== JSON.stringify(held['spec'])
    const metadata = {
      ...next.metadata,
      uid: held.metadata.uid,
      creationTimestamp: held.metadata.creationTimestamp,
      deletionTimestamp: held.metadata.deletionTimestamp,
      generation: (held.metadata.generation ?? 1) + (changedSpec ? 1 : 0),
    }
    const stored = { ...next, metadata }
    if (
      JSON.stringify({ ...stored, metadata: { ...metadata, resourceVersion: held.metadata.resourceVersion } }) ===
      JSON.stringify(held)
    )
      return held
    const done = metadata.deletionTimestamp && (metadata.finalizers ?? []).length === 0
    return this.#store(key, collection, done ? 'DELETED' : 'MODIFIED', stored)
  }

  #delete(key: string, held: Stored, body: Record<string, unknown> | undefined): unknown {
    const wanted = (body?.['preconditions'] as { uid?: string } | undefined)?.uid
    if (wanted && wanted !== held.metadata.uid) throw new ApiError('Conflict', 'the object is another one by now')
    const collection = key.slice(0, key.indexOf(' '))
    if ((held.metadata.finalizers ?? []).length === 0) return this.#store(key, collection, 'DELETED', held)
    if (held.metadata.deletionTimestamp) return held
    const metadata = { ...held.metadata, deletionTimestamp: new Date().toISOString() }
    return this.#store(key, collection, 'MODIFIED', { ...held, metadata })
  }

  #store(key: string, collection: string, type: 'ADDED' | 'MODIFIED' | 'DELETED', object: Stored): Stored {
    this.#revision++
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#revision) } }
    if (type === 'DELETED') this.#objects.delete(key)
    else this.#objects.set(key, stored)
    const event = { type, object: stored }
    this.bareWords.push(...bareWordsOf(stored))
    this.#history.push({ revision: this.#revision, collection, event })
    for (const watcher of this.#watchers) offer(watcher, collection, event)
    return stored
  }
}

function offer(watcher: Watcher, collection: string, event: WatchEvent<Stored>): void {
  if (watcher.collection !== collection) return
  if (watcher.namespace !== undefined && watcher.namespace !== event.object.metadata.namespace) return
  watcher.pending.push(event)
  watcher.wake()
}

function end(watcher: Watcher): void {
  watcher.ended = true
  watcher.wake()
}

function parsePath(path: string): { collection: string; namespace?: string; name?: string; subresource?: string } {
  const parts = path.split('/').slice(1).map(decodeURIComponent)
  const group = parts[0] === 'api' ? parts.splice(0, 2).slice(1).join('/') : parts.splice(0, 3).slice(1).join('/')
  const namespace = parts[0] === 'namespaces' && parts.length > 2 ? parts.splice(0, 2)[1] : undefined
  return { collection: `${group}/${parts[0]}`, namespace, name: parts[1], subresource: parts[2] }
}

function mergePatch(target: unknown, patch: unknown): unknown {
  if (patch === null || typeof patch !== 'object' || Array.isArray(patch)) return patch
  const merged: Record<string, unknown> =
    target !== null && typeof target === 'object' && !Array.isArray(target) ? { ...target } : {}
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name]
    else merged[name] = mergePatch(merged[name], value)
  }
  return merged
}
