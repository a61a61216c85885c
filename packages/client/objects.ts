import { isReason } from '@thresher/api/error'
import type { KubeObject } from '@thresher/api/meta'
import type { DeleteOptions, PatchOptions, PatchType, ResourceClient } from './client.ts'
import type { Informer } from './informer.ts'
import { keyOf } from './paths.ts'

/**
 * The objects of a kind as a controller sees them: reads come from the informer, and one's own writes are seen at once.
 *
 * What is read is shared and must not be changed; make new objects by spreading. What the API refuses to make or to change throws a
 * `RefusedError`, which a controller need not catch: it shows on the object in whose name it writes.
 */
export class Objects<O extends KubeObject> {
  readonly #resource: ResourceClient<O>
  readonly #informer: Informer<O>

  constructor(resource: ResourceClient<O>, informer: Informer<O>) {
    this.#resource = resource
    this.#informer = informer
  }

  get(key: string): O | undefined {
    return this.#informer.get(key)
  }

  list(namespace?: string): O[] {
    return this.#informer.list(namespace)
  }

  byIndex(name: string, value: string): O[] {
    return this.#informer.byIndex(name, value)
  }

  async create(object: O): Promise<O> {
    return this.#seen(await this.#resource.create(object))
  }

  /** Create unless it is there; the one that is there may be another's, so look at its owner. */
  async ensure(object: O): Promise<O> {
    const { namespace, name } = object.metadata
    const held = this.get(keyOf(object))
    if (held) return held
    try {
      return await this.create(object)
    } catch (error) {
      if (!isReason(error, 'AlreadyExists')) throw error
      return this.#seen(await this.#resource.get(name ?? '', namespace))
    }
  }

  async update(object: O): Promise<O> {
    return this.#seen(await this.#resource.update(object))
  }

  /** Write the status that `object` carries. Refused with Conflict when another wrote since it was read. */
  async updateStatus(object: O): Promise<O> {
    return this.#seen(await this.#resource.updateStatus(object))
  }

  async patch(object: O, patch: unknown, type: PatchType = 'merge', options: PatchOptions = {}): Promise<O> {
    const { name, namespace } = object.metadata
    return this.#seen(await this.#resource.patch(name ?? '', namespace, patch, type, options))
  }

  /** Delete exactly this object; one that is gone or was replaced by another of its name counts as deleted. */
  async delete(object: O, options: DeleteOptions = {}): Promise<void> {
    const { name, namespace, uid } = object.metadata
    try {
      await this.#resource.delete(name ?? '', namespace, { preconditions: { uid }, ...options })
    } catch (error) {
      if (isReason(error, 'NotFound')) return
      if (isReason(error, 'Conflict') && this.get(keyOf(object))?.metadata.uid !== uid) return
      throw error
    }
  }

  /** Take a finalizer off, so that the object can go. */
  async removeFinalizer(object: O, finalizer: string): Promise<void> {
    if (!object.metadata.finalizers?.includes(finalizer)) return
    const finalizers = object.metadata.finalizers.filter((each) => each !== finalizer)
    try {
      await this.#resource.update({ ...object, metadata: { ...object.metadata, finalizers } })
    } catch (error) {
      if (!isReason(error, 'NotFound')) throw error
    }
  }

  #seen(object: O): O {
    this.#informer.observe(object)
    return object
  }
}
