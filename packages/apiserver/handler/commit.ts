import { ApiError } from '@thresher/api/error'
import type { KubeObject } from '@thresher/api/meta'
import { Entry, encodeObject } from '../entry.ts'
import type { Resource } from '../registry.ts'
import { StoreError } from '../store/store.ts'
import type { Context } from './context.ts'
import { alreadyExists, modified, notFound } from './failures.ts'

/** After which a client should try again when the store cannot take a write. */
const RETRY_SECONDS = 5

/** Write a new object. @throws {ApiError} AlreadyExists */
export async function commitCreate(context: Context, resource: Resource, object: KubeObject): Promise<Entry> {
  const { namespace = '', name = '' } = object.metadata
  const key = resource.key(namespace, name)
  const { bytes, revision } = await run(resource, name, async () => {
    const bytes = encodeObject(resource.cache.jsonPrefix, object)
    return { bytes, revision: await context.store.create(resource.cache.storePrefix + key, bytes) }
  })
  return cached(context, resource, key, revision, bytes, object)
}

/** Write a changed object over `live`. @throws {ApiError} Conflict when another write came first */
export async function commitUpdate(
  context: Context,
  resource: Resource,
  live: Entry,
  object: KubeObject,
): Promise<Entry> {
  const { bytes, revision } = await run(resource, live.name, async () => {
    const bytes = encodeObject(resource.cache.jsonPrefix, object)
    return { bytes, revision: await context.store.update(resource.cache.storePrefix + live.key, bytes, live.revision) }
  })
  return cached(context, resource, live.key, revision, bytes, object)
}

/** Remove `live`. @returns what was removed, at the deletion's revision. @throws {ApiError} Conflict when another write came first */
export async function commitDelete(context: Context, resource: Resource, live: Entry): Promise<Entry> {
  const revision = await run(resource, live.name, () =>
    context.store.delete(resource.cache.storePrefix + live.key, live.revision),
  )
  await seen(context, revision)
  return new Entry(live.key, revision, live.body)
}

/** Whoever wrote reads its own write from then on, also when the event comes by way of another server. */
async function seen(context: Context, revision: number): Promise<void> {
  // The write is done in any case; an event that is late does not make it a failure.
  await context.feed.reach(revision).catch(() => undefined)
}

async function cached(
  context: Context,
  resource: Resource,
  key: string,
  revision: number,
  bytes: Uint8Array,
  object: KubeObject,
): Promise<Entry> {
  await seen(context, revision)
  const known = resource.cache.get(key)
  const skip = resource.cache.jsonPrefix.length
  const entry =
    known?.revision === revision
      ? known
      : new Entry(key, revision, Buffer.from(bytes.buffer, bytes.byteOffset + skip, bytes.byteLength - skip))
  const { apiVersion: _version, kind: _kind, metadata, ...rest } = object
  entry.remember({
    apiVersion: resource.storageKind.apiVersion,
    kind: resource.storageKind.kind,
    metadata: { ...metadata, resourceVersion: String(revision) },
    ...rest,
  })
  return entry
}

async function run<T>(resource: Resource, name: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write()
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    switch (error.reason) {
      case 'Exists':
        throw alreadyExists(resource, name)
      case 'Conflict':
        throw modified(resource, name)
      case 'NotFound':
        throw notFound(resource, name)
      default:
        throw storeFailure(error)
    }
  }
}

/** The answer to a read or write that the store failed. */
export function storeFailure(error: StoreError): ApiError {
  return error.reason === 'Full'
    ? unavailable('the disk that holds the cluster state is full; free some space on it, nothing is lost', error)
    : unavailable('the store of the cluster state does not answer; try again', error)
}

function unavailable(message: string, cause: StoreError): ApiError {
  return new ApiError('ServiceUnavailable', message, { cause, details: { retryAfterSeconds: RETRY_SECONDS } })
}
