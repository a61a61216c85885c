import type { TypedKind } from '@thresher/api/kind'
import type { KubeList, KubeObject, WatchEvent } from '@thresher/api/meta'
import { pathOf, type KindAddress } from './paths.ts'
import { refusingTransport } from './refused-error.ts'
import type { Transport } from './transport.ts'

/** Which objects of a kind a list or watch is about. */
export interface ListOptions {
  /** All namespaces unless said. */
  namespace?: string
  labelSelector?: string
  fieldSelector?: string
  limit?: number
  continue?: string
  resourceVersion?: string
  resourceVersionMatch?: 'Exact' | 'NotOlderThan'
  signal?: AbortSignal
}

export interface WatchOptions extends ListOptions {
  allowWatchBookmarks?: boolean
  /** Seconds until the server ends the watch. */
  timeoutSeconds?: number
}

export interface WriteOptions {
  fieldManager?: string
  dryRun?: boolean
  signal?: AbortSignal
}

export interface DeleteOptions {
  propagationPolicy?: 'Background' | 'Foreground' | 'Orphan'
  gracePeriodSeconds?: number
  /** Refuse with Conflict unless the object still is the one meant. */
  preconditions?: { uid?: string; resourceVersion?: string }
  signal?: AbortSignal
}

export interface PatchOptions extends WriteOptions {
  subresource?: string
  /** Apply only: take over fields that other managers own. */
  force?: boolean
}

/** How a patch body is to be read, by its media type. */
const patchTypes = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
} as const
export type PatchType = keyof typeof patchTypes

/** The Kubernetes API with the types of the declared kinds, over any transport. */
export class Client {
  readonly transport: Transport

  constructor(transport: Transport) {
    this.transport = transport
  }

  /** The objects of one kind. */
  resource<O extends KubeObject>(kind: TypedKind<O> | KindAddress): ResourceClient<O> {
    return new ResourceClient<O>(this.transport, kind)
  }
}

/** The API as controllers use it: the refusal of a write is a `RefusedError`, which their runtime shows to the user. */
export class ControllerClient extends Client {
  override resource<O extends KubeObject>(kind: TypedKind<O> | KindAddress): ResourceClient<O> {
    return new ResourceClient<O>(refusingTransport(this.transport, kind), kind)
  }
}

/** Reads and writes of one kind. Every call throws {@link ApiError} when the server refuses. Answers are read-only. */
export class ResourceClient<O extends KubeObject> {
  readonly kind: KindAddress
  readonly #transport: Transport

  constructor(transport: Transport, kind: KindAddress) {
    this.#transport = transport
    this.kind = kind
  }

  get(name: string, namespace?: string, signal?: AbortSignal): Promise<O> {
    return this.#transport.request<O>({ method: 'GET', path: pathOf(this.kind, { namespace, name }), signal })
  }

  async list(options: ListOptions = {}): Promise<KubeList<O>> {
    const list = await this.#transport.request<KubeList<O>>({
      method: 'GET',
      path: pathOf(this.kind, { namespace: options.namespace }),
      query: listQuery(options),
      signal: options.signal,
    })
    // Kubernetes names the type of items of its own kinds only once, as the list's.
    const { apiVersion, kind } = this.kind
    return { ...list, items: list.items.map((item) => (item.kind ? item : { apiVersion, kind, ...item })) }
  }

  watch(options: WatchOptions = {}): AsyncIterable<WatchEvent<O>> {
    return this.#transport.watch<O>({
      method: 'GET',
      path: pathOf(this.kind, { namespace: options.namespace }),
      query: {
        ...listQuery(options),
        allowWatchBookmarks: options.allowWatchBookmarks ? 'true' : undefined,
        timeoutSeconds: options.timeoutSeconds?.toString(),
      },
      signal: options.signal,
    })
  }

  create(object: O, options: WriteOptions = {}): Promise<O> {
    return this.#transport.request<O>({
      method: 'POST',
      path: pathOf(this.kind, { namespace: object.metadata.namespace }),
      query: writeQuery(options),
      body: this.#withType(object),
      signal: options.signal,
    })
  }

  /** Create below an object: `binding` of a Pod, `token` of a ServiceAccount. */
  createSubresource<R>(name: string, namespace: string | undefined, subresource: string, body: unknown): Promise<R> {
    return this.#transport.request<R>({
      method: 'POST',
      path: pathOf(this.kind, { namespace, name, subresource }),
      body,
    })
  }

  update(object: O, options: WriteOptions & { subresource?: string } = {}): Promise<O> {
    const { namespace, name } = object.metadata
    return this.#transport.request<O>({
      method: 'PUT',
      path: pathOf(this.kind, { namespace, name, subresource: options.subresource }),
      query: writeQuery(options),
      body: this.#withType(object),
      signal: options.signal,
    })
  }

  updateStatus(object: O, options: WriteOptions = {}): Promise<O> {
    return this.update(object, { ...options, subresource: 'status' })
  }

  patch(
    name: string,
    namespace: string | undefined,
    patch: unknown,
    type: PatchType = 'merge',
    options: PatchOptions = {},
  ): Promise<O> {
    return this.#transport.request<O>({
      method: 'PATCH',
      path: pathOf(this.kind, { namespace, name, subresource: options.subresource }),
      query: { ...writeQuery(options), force: options.force ? 'true' : undefined },
      body: withoutUndefined(patch),
      contentType: patchTypes[type],
      signal: options.signal,
    })
  }

  /** Ask for the end of an object. The answer is the object while finalizers hold it, else a Status. */
  delete(name: string, namespace?: string, options: DeleteOptions = {}): Promise<unknown> {
    const { signal, ...body } = options
    return this.#transport.request({
      method: 'DELETE',
      path: pathOf(this.kind, { namespace, name }),
      body: { apiVersion: 'v1', kind: 'DeleteOptions', ...body },
      signal,
    })
  }

  deleteCollection(options: ListOptions = {}): Promise<unknown> {
    return this.#transport.request({
      method: 'DELETE',
      path: pathOf(this.kind, { namespace: options.namespace }),
      query: listQuery(options),
      signal: options.signal,
    })
  }

  #withType(object: O): O {
    return { apiVersion: this.kind.apiVersion, kind: this.kind.kind, ...(withoutUndefined(object) as O) }
  }
}

/** What goes over the wire: a field that is undefined is not there. In one process no serialising sees to that. */
function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined)
  if (value === null || typeof value !== 'object') return value
  const copy: Record<string, unknown> = {}
  for (const [name, part] of Object.entries(value)) if (part !== undefined) copy[name] = withoutUndefined(part)
  return copy
}

function listQuery(options: ListOptions): Record<string, string | undefined> {
  return {
    labelSelector: options.labelSelector,
    fieldSelector: options.fieldSelector,
    limit: options.limit?.toString(),
    continue: options.continue,
    resourceVersion: options.resourceVersion,
    resourceVersionMatch: options.resourceVersionMatch,
  }
}

function writeQuery(options: WriteOptions): Record<string, string | undefined> {
  return { fieldManager: options.fieldManager, dryRun: options.dryRun ? 'All' : undefined }
}
