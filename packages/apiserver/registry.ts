import type { Kind } from '@thresher/api/kind'
import type { CacheFeed } from './cache-feed.ts'
import { objectPrefix } from './entry.ts'
import { WatchCache } from './watch-cache.ts'

/** One collection of objects: a kind in all the versions under which it is served. */
export class Resource {
  readonly group: string
  readonly plural: string
  readonly cache: WatchCache
  /** By version name. */
  readonly versions = new Map<string, Kind>()
  /** The version that is written to the store. */
  storageKind: Kind
  readonly #prefixes = new WeakMap<Kind, { text: string; bytes: Buffer }>()

  constructor(kind: Kind) {
    this.group = kind.group
    this.plural = kind.plural
    this.storageKind = kind
    this.versions.set(kind.version, kind)
    this.cache = new WatchCache(`/${kind.group || 'core'}/${kind.plural}/`, objectPrefix(kind.apiVersion, kind.kind))
  }

  get namespaced(): boolean {
    return this.storageKind.namespaced
  }

  /** The key in the cache: `namespace/name`, or `name`. */
  key(namespace: string, name: string): string {
    return this.namespaced ? `${namespace}/${name}` : name
  }

  /** The JSON in front of each object's metadata when it is served as `kind`. */
  prefix(kind: Kind): { text: string; bytes: Buffer } {
    let prefix = this.#prefixes.get(kind)
    if (!prefix) {
      const text = objectPrefix(kind.apiVersion, kind.kind)
      prefix = { text, bytes: Buffer.from(text) }
      this.#prefixes.set(kind, prefix)
    }
    return prefix
  }
}

/** The kinds that are served now, and where their objects are. */
export class Registry {
  readonly #feed: CacheFeed
  readonly #resources = new Map<string, Resource>()
  readonly #postOnly = new Map<string, Kind>()
  readonly #listeners = new Set<() => void>()

  constructor(feed: CacheFeed) {
    this.#feed = feed
  }

  /** Serve a kind, or a further version of one. Objects that are in the store already appear before the promise is fulfilled. */
  async add(kind: Kind): Promise<void> {
    if (kind.stored === false) {
      this.#postOnly.set(`${kind.group}/${kind.version}/${kind.plural}`, kind)
      return this.#changed()
    }
    const key = `${kind.group}/${kind.plural}`
    const known = this.#resources.get(key)
    if (known) {
      known.versions.set(kind.version, kind)
      // A cache's bytes begin with the version it was made for; only the rules for writing change with a later declaration.
      if (kind.version === known.storageKind.version) known.storageKind = kind
      return this.#changed()
    }
    const resource = new Resource(kind)
    this.#resources.set(key, resource)
    await this.#feed.add(resource.cache)
    this.#changed()
  }

  /** Serve all of them. Of several versions of a kind the one with `storageVersion` not false is written to the store. */
  async addAll(kinds: Iterable<Kind>): Promise<void> {
    const list = [...kinds]
    for (const kind of list.filter((one) => one.storageVersion !== false)) await this.add(kind)
    for (const kind of list.filter((one) => one.storageVersion === false)) await this.add(kind)
  }

  /** Serve this version no longer. Its objects stay in the store. */
  remove(kind: Kind): void {
    this.#postOnly.delete(`${kind.group}/${kind.version}/${kind.plural}`)
    const key = `${kind.group}/${kind.plural}`
    const resource = this.#resources.get(key)
    if (!resource) return
    resource.versions.delete(kind.version)
    if (resource.versions.size === 0) {
      this.#resources.delete(key)
      this.#feed.remove(resource.cache)
      resource.cache.end()
    }
    this.#changed()
  }

  /** Every kind in every version. */
  kinds(): Kind[] {
    return [
      ...[...this.#resources.values()].flatMap((resource) => [...resource.versions.values()]),
      ...this.#postOnly.values(),
    ]
  }

  resources(): Iterable<Resource> {
    return this.#resources.values()
  }

  lookup(group: string, version: string, plural: string): Kind | undefined {
    return (
      this.#resources.get(`${group}/${plural}`)?.versions.get(version) ??
      this.#postOnly.get(`${group}/${version}/${plural}`)
    )
  }

  resource(group: string, plural: string): Resource | undefined {
    return this.#resources.get(`${group}/${plural}`)
  }

  cache(kind: Pick<Kind, 'group' | 'plural'>): WatchCache | undefined {
    return this.resource(kind.group, kind.plural)?.cache
  }

  /** Call back when kinds come or go. @returns stops it */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #changed(): void {
    for (const listener of this.#listeners) listener()
  }
}
