import { randomUUID } from 'node:crypto'
import { ApiError, isReason } from '@thresher/api/error'
import type { KubeObject } from '@thresher/api/meta'
import type { Entry } from '../entry.ts'
import type { Resource } from '../registry.ts'
import type { ResourceCall } from '../request.ts'
import { deepClone } from '../schema/clone.ts'
import { commitCreate } from './commit.ts'
import { timeText, type Context } from './context.ts'
import { alreadyExists, badQuery, invalid } from './failures.ts'
import { requireLiveNamespace } from './namespaces.ts'
import { generateName } from './names.ts'
import {
  Reservations,
  admissionRequest,
  admit,
  bookFields,
  completeObject,
  countsGenerations,
  decodeObject,
  judgeObject,
  mutate,
} from './write.ts'

/** How often another name is tried when a generated one is taken. */
const GENERATE_TRIES = 8

/** What a write leads to: the object as it now is. In a dry run it was not stored and has no entry. */
export interface Written {
  object: KubeObject
  entry?: Entry
}

/** POST of an object. */
export async function createObject(
  context: Context,
  resource: Resource,
  call: ResourceCall,
  body: unknown,
): Promise<Written> {
  const object = decodeObject(call, body)
  if (object.metadata.resourceVersion) {
    throw new ApiError('BadRequest', 'resourceVersion should not be set on objects to be created')
  }
  place(call, object)
  return createDecoded(context, resource, call, object, (after) => bookFields(context, call, undefined, after))
}

/**
 * Create an object that is already decoded and in its place.
 *
 * @param book gives the object's managed fields
 */
export async function createDecoded(
  context: Context,
  resource: Resource,
  call: ResourceCall,
  object: KubeObject,
  book: (after: KubeObject) => KubeObject['metadata']['managedFields'],
): Promise<Written> {
  const { kind } = call
  for (let attempt = 1; ; attempt += 1) {
    const candidate = attempt < GENERATE_TRIES && object.metadata.generateName ? deepClone(object) : object
    const generated = !candidate.metadata.name && candidate.metadata.generateName
    own(context, call, candidate)
    if (generated) candidate.metadata.name = generateName(generated)
    const reservations = new Reservations()
    try {
      completeObject(kind, candidate, true)
      requireLiveNamespace(context, kind, candidate)
      const request = admissionRequest(call, 'CREATE', candidate, undefined)
      await mutate(context, request)
      // What admission wrote is held to the same rules as what the caller sent.
      completeObject(kind, candidate, true)
      judgeObject(kind, candidate, undefined)
      const managed = book(candidate)
      if (managed?.length) candidate.metadata.managedFields = managed
      await admit(context, request, reservations)
      if (call.dryRun) return dryCreate(resource, candidate)
      const entry = await commitCreate(context, resource, candidate)
      return { object: entry.object(resource.cache.jsonPrefix), entry }
    } catch (error) {
      reservations.release()
      if (generated && attempt < GENERATE_TRIES && isReason(error, 'AlreadyExists')) continue
      throw error
    }
  }
}

function dryCreate(resource: Resource, object: KubeObject): Written {
  const { namespace = '', name = '' } = object.metadata
  if (resource.cache.get(resource.key(namespace, name))) throw alreadyExists(resource, name)
  return { object }
}

/** Name and namespace must be those of the path, where it has them. @throws {ApiError} BadRequest */
export function place(call: ResourceCall, object: KubeObject): void {
  const { kind, info } = call
  const { metadata } = object
  if (kind.namespaced) {
    if (!info.namespace) {
      throw new ApiError(
        'BadRequest',
        `an empty namespace may not be set during creation; send it to /namespaces/<name>/${kind.plural}`,
      )
    }
    metadata.namespace ||= info.namespace
    if (metadata.namespace !== info.namespace) {
      throw badQuery('the namespace of the provided object does not match the namespace sent on the request')
    }
  } else if (metadata.namespace) {
    throw invalid(kind, metadata.name ?? '', [
      { field: 'metadata.namespace', reason: 'FieldValueForbidden', message: 'Forbidden: not allowed on this type' },
    ])
  } else delete metadata.namespace
  if (!info.name) return
  metadata.name ||= info.name
  if (metadata.name !== info.name) {
    throw badQuery(`the name of the object (${metadata.name}) does not match the name on the URL (${info.name})`)
  }
}

/** Kinds whose creator reports their status at once. */
const statusOnCreate = new Set(['/nodes'])

/** Set what the server owns of a new object. */
function own(context: Context, call: ResourceCall, object: KubeObject): void {
  const { kind } = call
  const { metadata } = object
  metadata.uid = randomUUID()
  metadata.creationTimestamp = timeText(context.now())
  delete metadata.resourceVersion
  delete metadata.selfLink
  delete metadata.deletionTimestamp
  delete metadata.deletionGracePeriodSeconds
  delete metadata.generation
  if (countsGenerations(kind)) metadata.generation = 1
  if (kind.subresources?.status && !statusOnCreate.has(`${kind.group}/${kind.plural}`)) {
    delete (object as { status?: unknown }).status
  }
}
