import { isReason } from '@thresher/api/error'
import type { KubeObject } from '@thresher/api/meta'
import { messageOf } from '@thresher/api/protobuf/kinds'
import type { Entry } from '../entry.ts'
import type { Resource } from '../registry.ts'
import type { ResourceCall } from '../request.ts'
import { deepClone, deepEqual } from '../schema/clone.ts'
import { commitDelete, commitUpdate } from './commit.ts'
import type { Context } from './context.ts'
import type { Written } from './create.ts'
import { badQuery, conflict, forbiddenWrite, invalid, modified, notFound, unreadable } from './failures.ts'
import { heldBySpec } from './namespaces.ts'
import {
  Reservations,
  admissionRequest,
  admit,
  bookFields,
  completeObject,
  countsGenerations,
  decodeObject,
  desired,
  judgeObject,
  mutate,
} from './write.ts'

/** How often a write that named no resourceVersion is tried on the newest state. */
const UNCONDITIONAL_TRIES = 10

/** PUT of an object, or of its status. */
export async function updateObject(
  context: Context,
  resource: Resource,
  call: ResourceCall,
  body: unknown,
): Promise<Written> {
  const object = decodeObject(call, body)
  const { info, kind } = call
  requirePlace(call, object)
  const unconditional = !object.metadata.resourceVersion
  if (unconditional && kind.origin === 'custom') {
    throw invalid(kind, info.name, [
      { field: 'metadata.resourceVersion', message: 'Invalid value: 0: must be specified for an update' },
    ])
  }
  if (!unconditional) return updateLive(context, resource, call, findLive(resource, info.namespace, info.name), object)
  const turn = resource.cache.storePrefix + resource.key(info.namespace, info.name)
  return context.turns.take(turn, () => overwrite(context, resource, call, object))
}

async function overwrite(
  context: Context,
  resource: Resource,
  call: ResourceCall,
  object: KubeObject,
): Promise<Written> {
  for (let attempt = 1; ; attempt += 1) {
    const live = findLive(resource, call.info.namespace, call.info.name)
    try {
      return await updateLive(context, resource, call, live, deepClone(object))
    } catch (error) {
      const stale = resource.cache.get(live.key)?.revision !== live.revision
      if (!isReason(error, 'Conflict') || !stale || attempt >= UNCONDITIONAL_TRIES) throw error
    }
  }
}

/** The object's entry, if there is one. @throws {ApiError} InternalError when it is there and cannot be read */
export function peekLive(resource: Resource, namespace: string, name: string): Entry | undefined {
  const key = resource.key(namespace, name)
  const cause = resource.cache.unreadable(key)
  if (cause) throw unreadable(resource, name, cause)
  return resource.cache.get(key)
}

/** The object's entry. @throws {ApiError} NotFound */
export function findLive(resource: Resource, namespace: string, name: string): Entry {
  const live = peekLive(resource, namespace, name)
  if (!live) throw notFound(resource, name)
  return live
}

function requirePlace(call: ResourceCall, { metadata }: KubeObject): void {
  const { info, kind } = call
  metadata.name ||= info.name
  if (metadata.name !== info.name) {
    throw badQuery(`the name of the object (${metadata.name}) does not match the name on the URL (${info.name})`)
  }
  if (kind.namespaced) metadata.namespace ||= info.namespace
  if ((metadata.namespace ?? '') !== info.namespace) {
    throw badQuery('the namespace of the provided object does not match the namespace on the request')
  }
}

/** The live object in the version of the call. */
export function liveObject(resource: Resource, call: ResourceCall, live: Entry): KubeObject {
  const object = live.object(resource.cache.jsonPrefix)
  return object.apiVersion === call.kind.apiVersion ? object : { ...object, apiVersion: call.kind.apiVersion }
}

export interface UpdateOptions {
  /** Gives the managed fields where not an ordinary update is booked. */
  book?(before: KubeObject, after: KubeObject): KubeObject['metadata']['managedFields']
  /** What may change: `status`, or with '' everything else. That of the call unless said. */
  subresource?: string
}

/**
 * Bring `object` (decoded, may be changed) in the place of `live`.
 *
 * @throws {ApiError} Conflict when the object's resourceVersion or uid is another; Invalid
 */
export async function updateLive(
  context: Context,
  resource: Resource,
  call: ResourceCall,
  live: Entry,
  object: KubeObject,
  options: UpdateOptions = {},
): Promise<Written> {
  const { kind } = call
  const subresource = options.subresource ?? call.info.subresource
  const previous = liveObject(resource, call, live)
  requireSame(resource, live, previous, object)
  carryOver(call, previous, object, subresource)
  completeObject(kind, object, false)
  const reservations = new Reservations()
  try {
    const request = admissionRequest(call, 'UPDATE', object, previous, subresource)
    await mutate(context, request)
    // What admission wrote is held to the same rules as what the caller sent.
    completeObject(kind, object, false)
    requireNoNewFinalizers(resource, previous, object)
    raiseGeneration(resource, call, previous, object)
    judgeObject(kind, object, previous)
    const managed = options.book
      ? options.book(previous, object)
      : bookFields(context, call, previous, object, subresource)
    if (managed?.length) object.metadata.managedFields = managed
    else delete object.metadata.managedFields
    await admit(context, request, reservations)
    return await store(context, resource, call, live, previous, object)
  } catch (error) {
    reservations.release()
    throw error
  }
}

async function store(
  context: Context,
  resource: Resource,
  call: ResourceCall,
  live: Entry,
  previous: KubeObject,
  object: KubeObject,
): Promise<Written> {
  object.metadata.resourceVersion = String(live.revision)
  if (deepEqual(object, previous)) {
    return call.dryRun ? { object: previous } : { object: previous, entry: live }
  }
  if (call.dryRun) return { object }
  if (isReleased(call, object)) {
    // The last finalizer has gone from an object that is being deleted: this update ends it.
    const gone = await commitDelete(context, resource, live)
    return { object: { ...object, metadata: { ...object.metadata, resourceVersion: String(gone.revision) } } }
  }
  const entry = await commitUpdate(context, resource, live, object)
  return { object: entry.object(resource.cache.jsonPrefix), entry }
}

/** Whether nothing holds an object that is being deleted any longer. */
export function isReleased(call: ResourceCall, object: KubeObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, finalizers = [] } = object.metadata
  if (!deletionTimestamp || finalizers.length > 0 || heldBySpec(call.kind, object)) return false
  return deletionGracePeriodSeconds === 0
}

function requireSame(resource: Resource, live: Entry, previous: KubeObject, object: KubeObject): void {
  const { resourceVersion, uid } = object.metadata
  if (uid && uid !== previous.metadata.uid) {
    throw conflict(
      resource,
      live.name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${previous.metadata.uid}`,
    )
  }
  if (resourceVersion && resourceVersion !== '0' && resourceVersion !== String(live.revision)) {
    throw modified(resource, live.name)
  }
}

/** Take from the live object what this call may not change. */
function carryOver(call: ResourceCall, previous: KubeObject, object: KubeObject, subresource: string): void {
  const before = previous as unknown as Record<string, unknown>
  const after = object as unknown as Record<string, unknown>
  if (subresource === 'status' || subresource === 'approval') {
    const status = subresource === 'status' ? after.status : decided(before.status, after.status)
    const { managedFields: managed, labels, annotations } = object.metadata
    for (const field of Object.keys(after)) delete after[field]
    Object.assign(after, deepClone(before))
    if (status === undefined) delete after.status
    else after.status = status
    if (managed) object.metadata.managedFields = managed
    // Kubernetes' own kinds take these along with the status; custom kinds take nothing but the status.
    if (subresource === 'status' && messageOf(call.kind.apiVersion, call.kind.kind))
      setNotes(object, { labels, annotations })
    return
  }
  if (call.kind.subresources?.status) {
    if (before.status === undefined) delete after.status
    else after.status = deepClone(before.status)
  }
  const { metadata } = object
  const from = previous.metadata
  metadata.uid = from.uid
  metadata.creationTimestamp = from.creationTimestamp
  for (const field of [
    'generation',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
    'namespace',
    'generateName',
  ] as const) {
    if (from[field] === undefined) delete metadata[field]
    else Object.assign(metadata, { [field]: from[field] })
  }
  delete metadata.selfLink
  if (metadata.managedFields === undefined && from.managedFields) {
    metadata.managedFields = from.managedFields
  }
}

/** An approval changes the conditions of a status and nothing else of it. */
function decided(before: unknown, after: unknown): unknown {
  const { conditions: _, ...rest } = (before ?? {}) as { conditions?: unknown }
  const { conditions } = (after ?? {}) as { conditions?: unknown }
  return conditions === undefined ? deepClone(rest) : { ...deepClone(rest), conditions }
}

function setNotes({ metadata }: KubeObject, notes: Pick<KubeObject['metadata'], 'labels' | 'annotations'>): void {
  for (const field of ['labels', 'annotations'] as const) {
    if (notes[field] === undefined) delete metadata[field]
    else metadata[field] = notes[field]
  }
}

function requireNoNewFinalizers(resource: Resource, previous: KubeObject, object: KubeObject): void {
  if (!previous.metadata.deletionTimestamp) return
  const known = new Set(previous.metadata.finalizers)
  const added = (object.metadata.finalizers ?? []).filter((finalizer) => !known.has(finalizer))
  if (added.length === 0) return
  throw forbiddenWrite(
    resource,
    object.metadata.name ?? '',
    `metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers ${JSON.stringify(added)}`,
  )
}

function raiseGeneration(resource: Resource, call: ResourceCall, previous: KubeObject, object: KubeObject): void {
  const { kind } = call
  if (!countsGenerations(kind)) return
  const before = previous.metadata.generation ?? 0
  const changed = !deepEqual(desired(kind, previous), desired(kind, object))
  object.metadata.generation = changed ? before + 1 : before || 1
}
