import { ApiError } from '@thresher/api/error'
import type { KubeObject } from '@thresher/api/meta'
import type { Entry } from '../entry.ts'
import type { Registry, Resource } from '../registry.ts'
import type { Change, Objects, ResourceType } from './objects.ts'

/** How the server reaches itself; the same shape as a client's transport. */
export interface OwnTransport {
  request<T = unknown>(request: {
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
    path: string
    body?: unknown
  }): Promise<T>
}

/** {@link Objects} out of the watch caches, written through the server's own API. */
export class RegistryObjects implements Objects {
  readonly #registry: Registry
  readonly #transport: OwnTransport

  constructor(registry: Registry, transport: OwnTransport) {
    this.#registry = registry
    this.#transport = transport
  }

  get<O extends KubeObject>(type: ResourceType, namespace: string, name: string): O | undefined {
    const resource = this.#registry.resource(type.group, type.plural)
    return resource?.cache.get(resource.key(namespace, name))?.object(resource.cache.jsonPrefix) as O | undefined
  }

  *list<O extends KubeObject>(type: ResourceType, namespace?: string): Iterable<O> {
    const resource = this.#registry.resource(type.group, type.plural)
    if (!resource) return
    const { cache } = resource
    const wanted = resource.namespaced ? namespace : undefined
    for (const entry of cache.entries())
      if (wanted === undefined || entry.namespace === wanted) yield entry.object(cache.jsonPrefix) as O
  }

  follow<O extends KubeObject>(type: ResourceType, onChange: (change: Change<O>) => void): () => void {
    let stopCache: (() => void) | undefined
    let followed: Resource | undefined
    const attach = () => {
      const resource = this.#registry.resource(type.group, type.plural)
      if (resource === followed) return
      stopCache?.()
      followed = resource
      stopCache = resource && followCache(resource, onChange as (change: Change) => void)
    }
    attach()
    // A kind may be served later, or again, when its definition comes at run time.
    const stopRegistry = this.#registry.onChange(attach)
    return () => {
      stopRegistry()
      stopCache?.()
    }
  }

  create<O extends KubeObject>(type: ResourceType, object: O): Promise<O> {
    return this.#transport.request<O>({
      method: 'POST',
      path: this.#path(type, object.metadata.namespace),
      body: object,
    })
  }

  update<O extends KubeObject>(type: ResourceType, object: O, subresource?: 'status'): Promise<O> {
    const { namespace, name } = object.metadata
    return this.#transport.request<O>({
      method: 'PUT',
      path: `${this.#path(type, namespace, name)}${subresource ? `/${subresource}` : ''}`,
      body: object,
    })
  }

  async delete(type: ResourceType, namespace: string, name: string): Promise<void> {
    await this.#transport.request({ method: 'DELETE', path: this.#path(type, namespace, name) })
  }

  #path(type: ResourceType, namespace?: string, name?: string): string {
    const resource = this.#registry.resource(type.group, type.plural)
    if (!resource) throw new ApiError('NotFound', `the kind ${type.plural}.${type.group || 'core'} is not served here`)
    const parts = [
      ...(type.group ? ['apis', type.group] : ['api']),
      resource.storageKind.version,
      ...(resource.namespaced ? ['namespaces', namespace ?? ''] : []),
      type.plural,
      ...(name === undefined ? [] : [name]),
    ]
    return `/${parts.map(encodeURIComponent).join('/')}`
  }
}

/** A change whose objects are parsed when they are looked at. */
class EntryChange implements Change {
  readonly #prefix: string
  readonly #entry: Entry | undefined
  readonly #previous: Entry | undefined

  constructor(prefix: string, entry: Entry | undefined, previous: Entry | undefined) {
    this.#prefix = prefix
    this.#entry = entry
    this.#previous = previous
  }

  get namespace(): string {
    return (this.#entry ?? this.#previous)?.namespace ?? ''
  }

  get name(): string {
    return (this.#entry ?? this.#previous)?.name ?? ''
  }

  get object(): KubeObject | undefined {
    return this.#entry?.object(this.#prefix)
  }

  get previous(): KubeObject | undefined {
    return this.#previous?.object(this.#prefix)
  }
}

/** What is there now, then every change. When more has happened than the cache's window holds, the difference is told. */
function followCache(resource: Resource, onChange: (change: Change) => void): () => void {
  const { cache } = resource
  const prefix = cache.jsonPrefix
  for (const entry of cache.entries()) onChange(new EntryChange(prefix, entry, undefined))
  let next = cache.window.end
  let window = cache.window
  const known = new Map(cache.entries().map((entry) => [entry.key, entry]))
  return cache.onChange(() => {
    if (cache.window !== window || next < cache.window.first) {
      window = cache.window
      const now = new Map(cache.entries().map((entry) => [entry.key, entry]))
      for (const [key, entry] of known) if (!now.has(key)) onChange(new EntryChange(prefix, undefined, entry))
      for (const [key, entry] of now) {
        const previous = known.get(key)
        if (previous?.revision !== entry.revision) onChange(new EntryChange(prefix, entry, previous))
      }
      known.clear()
      for (const [key, entry] of now) known.set(key, entry)
      next = window.end
      return
    }
    for (; next < window.end; next++) {
      const { key, entry, previous } = window.at(next)
      if (entry) known.set(key, entry)
      else known.delete(key)
      onChange(new EntryChange(prefix, entry, previous))
    }
  })
}
