import { ApiError } from '@thresher/api/error'
import type { KubeObject } from '@thresher/api/meta'
import type { Change, Objects, ResourceType } from './objects.ts'

/** {@link Objects} in memory alone, for tests and for deciding on objects that are not in a cluster. */
export class MemoryObjects implements Objects {
  readonly #objects = new Map<string, Map<string, KubeObject>>()
  readonly #followers = new Map<string, Set<(change: Change<never>) => void>>()
  #revision = 0

  get<O extends KubeObject>(type: ResourceType, namespace: string, name: string): O | undefined {
    return this.#of(type).get(`${namespace}/${name}`) as O | undefined
  }

  *list<O extends KubeObject>(type: ResourceType, namespace?: string): Iterable<O> {
    for (const object of this.#of(type).values())
      if (namespace === undefined || (object.metadata.namespace ?? '') === namespace) yield object as O
  }

  follow<O extends KubeObject>(type: ResourceType, onChange: (change: Change<O>) => void): () => void {
    const key = keyOf(type)
    const followers = this.#followers.get(key) ?? new Set()
    this.#followers.set(key, followers)
    followers.add(onChange)
    for (const object of this.#of(type).values()) onChange(changeOf({ object: object as O }))
    return () => void followers.delete(onChange)
  }

  async create<O extends KubeObject>(type: ResourceType, object: O): Promise<O> {
    const { namespace = '', name = '' } = object.metadata
    if (this.#of(type).has(`${namespace}/${name}`))
      throw new ApiError('AlreadyExists', `${type.plural} "${name}" already exists`)
    return this.#put(type, {
      ...object,
      metadata: { uid: crypto.randomUUID(), creationTimestamp: new Date().toISOString(), ...object.metadata },
    })
  }

  async update<O extends KubeObject>(type: ResourceType, object: O): Promise<O> {
    const { namespace = '', name = '', resourceVersion } = object.metadata
    const current = this.get(type, namespace, name)
    if (!current) throw new ApiError('NotFound', `${type.plural} "${name}" not found`)
    if (resourceVersion !== undefined && resourceVersion !== current.metadata.resourceVersion)
      throw new ApiError('Conflict', `${type.plural} "${name}" has been modified`)
    return this.#put(type, object)
  }

  async delete(type: ResourceType, namespace: string, name: string): Promise<void> {
    const previous = this.get(type, namespace, name)
    if (!previous) throw new ApiError('NotFound', `${type.plural} "${name}" not found`)
    this.#of(type).delete(`${namespace}/${name}`)
    this.#tell(type, changeOf({ previous }))
  }

  #put<O extends KubeObject>(type: ResourceType, object: O): O {
    const { namespace = '', name = '' } = object.metadata
    const stored = structuredClone({
      ...object,
      metadata: { ...object.metadata, resourceVersion: String(++this.#revision) },
    })
    const previous = this.get(type, namespace, name)
    this.#of(type).set(`${namespace}/${name}`, stored)
    this.#tell(type, changeOf({ object: stored, previous }))
    return stored
  }

  #tell(type: ResourceType, change: Change): void {
    for (const follower of this.#followers.get(keyOf(type)) ?? []) follower(change as Change<never>)
  }

  #of(type: ResourceType): Map<string, KubeObject> {
    const key = keyOf(type)
    const objects = this.#objects.get(key) ?? new Map<string, KubeObject>()
    this.#objects.set(key, objects)
    return objects
  }
}

const keyOf = (type: ResourceType): string => `${type.group}/${type.plural}`

function changeOf<O extends KubeObject>(change: { object?: O; previous?: O }): Change<O> {
  const { namespace = '', name = '' } = (change.object ?? change.previous)?.metadata ?? {}
  return { namespace, name, ...change }
}
