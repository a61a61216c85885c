import type { KubeObject } from '@thresher/api/meta'
import type { Change, Objects, ResourceType } from './auth/objects.ts'
import type { InProcessTransport } from './in-process-transport.ts'
import type { Registry } from './registry.ts'

/** The objects of the registry for the server's own decisions: read at once from the caches, written as the server itself. */
export class RegistryObjects implements Objects {
  readonly #registry: Registry
  readonly #transport: InProcessTransport

  constructor(registry: Registry, transport: InProcessTransport) {
    this.#registry = registry
    this.#transport = transport
  }

  get<O extends KubeObject>(type: ResourceType, namespace: string, name: string): O | undefined {
    const resource = this.#registry.resource(type.group, type.plural)
    return resource?.cache.get(resource.key(namespace, name))?.object(resource.cache.jsonPrefix) as O | undefined
  }

  *list<O extends KubeObject>(type: ResourceType, namespace?: string): Iterable<O> {
    const cache = this.#registry.resource(type.group, type.plural)?.cache
    for (const entry of cache?.entries() ?? []) {
      if (namespace === undefined || entry.namespace === namespace) yield entry.object(cache!.jsonPrefix) as O
    }
  }

  follow<O extends KubeObject>(type: ResourceType, onChange: (change: Change<O>) => void): () => void {
    let stop: (() => void) | undefined
    const begin = () => {
      const cache = this.#registry.resource(type.group, type.plural)?.cache
      if (!cache || stop) return
      const object = (entry: { object(prefix: string): KubeObject } | undefined) =>
        entry?.object(cache.jsonPrefix) as O | undefined
      let window = cache.window
      let position = 0
      const tellAll = () => {
        window = cache.window
        position = window.end
        for (const entry of cache.entries())
          onChange({ namespace: entry.namespace, name: entry.name, object: object(entry) })
      }
      tellAll()
      stop = cache.onChange(() => {
        // The cache has just been filled for the first time.
        if (window !== cache.window) return tellAll()
        for (; position < window.end; position += 1) {
          const event = window.at(position)
          const { namespace = '', name = '' } = event.entry ?? event.previous ?? {}
          onChange({
            namespace,
            name,
            get object() {
              return object(event.entry)
            },
            get previous() {
              return object(event.previous)
            },
          })
        }
      })
    }
    begin()
    const unlisten = this.#registry.onChange(begin)
    return () => {
      unlisten()
      stop?.()
    }
  }

  create<O extends KubeObject>(type: ResourceType, object: O): Promise<O> {
    return this.#transport.request<O>({
      method: 'POST',
      path: this.#path(type, object.metadata.namespace),
      body: object,
    })
  }

  update<O extends KubeObject>(type: ResourceType, object: O, subresource?: 'status' | 'approval'): Promise<O> {
    const { namespace, name = '' } = object.metadata
    const path = `${this.#path(type, namespace)}/${encodeURIComponent(name)}${subresource ? `/${subresource}` : ''}`
    return this.#transport.request<O>({ method: 'PUT', path, body: object })
  }

  async delete(type: ResourceType, namespace: string, name: string): Promise<void> {
    await this.#transport.request({
      method: 'DELETE',
      path: `${this.#path(type, namespace)}/${encodeURIComponent(name)}`,
    })
  }

  #path(type: ResourceType, namespace: string | undefined): string {
    const kind = this.#registry.resource(type.group, type.plural)?.storageKind
    const version = kind?.version ?? 'v1'
    const root = type.group ? `/apis/${type.group}/${version}` : `/api/${version}`
    return kind?.namespaced && namespace ? `${root}/namespaces/${namespace}/${type.plural}` : `${root}/${type.plural}`
  }
}
