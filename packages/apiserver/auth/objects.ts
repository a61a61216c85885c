import type { KubeObject } from '@thresher/api/meta'

/** Which collection is meant, whatever its version. */
export interface ResourceType {
  /** Empty for the core group. */
  group: string
  plural: string
}

/**
 * A change of one object: `object` is gone after a deletion, `previous` is missing for a new one. Both may have to be
 * parsed first: whoever can do without should not look at them.
 */
export interface Change<O extends KubeObject = KubeObject> {
  namespace: string
  name: string
  readonly object?: O
  readonly previous?: O
}

/**
 * The cluster's objects as security decisions need them: read at once from memory, written as the server itself.
 *
 * Objects are shared and must not be changed.
 */
export interface Objects {
  get<O extends KubeObject>(type: ResourceType, namespace: string, name: string): O | undefined
  /** All, or those of one namespace. */
  list<O extends KubeObject>(type: ResourceType, namespace?: string): Iterable<O>
  /** Calls back for every object that is there and then for every change, in order, until the returned function is called. */
  follow<O extends KubeObject>(type: ResourceType, onChange: (change: Change<O>) => void): () => void
  /** @throws {ApiError} AlreadyExists and what else a write can meet */
  create<O extends KubeObject>(type: ResourceType, object: O): Promise<O>
  /** @throws {ApiError} Conflict when the object's resourceVersion is not the newest; NotFound */
  update<O extends KubeObject>(type: ResourceType, object: O, subresource?: 'status' | 'approval'): Promise<O>
  /** @throws {ApiError} NotFound */
  delete(type: ResourceType, namespace: string, name: string): Promise<void>
}
