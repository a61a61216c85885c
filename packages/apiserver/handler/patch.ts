import { ApiError, isReason } from '@thresher/api/error'
import type { KubeObject } from '@thresher/api/meta'
import { apply } from '../apply/managed-fields.ts'
import type { Entry } from '../entry.ts'
import { applyJsonPatch } from '../patch/json-patch.ts'
import { applyMergePatch } from '../patch/merge-patch.ts'
import { applyStrategicPatch } from '../patch/strategic.ts'
import type { Resource } from '../registry.ts'
import type { ResourceCall } from '../request.ts'
import { deepClone } from '../schema/clone.ts'
import { mediaType, unsupported } from '../body/media-type.ts'
import { readBody } from './body.ts'
import { timeText, type Context } from './context.ts'
import { createDecoded, place, type Written } from './create.ts'
import { badQuery, invalid, notFound } from './failures.ts'
import { isTrue } from './request-info.ts'
import { findLive, liveObject, peekLive, updateLive } from './update.ts'
import { decodeObject } from './write.ts'

export const jsonPatch = 'application/json-patch+json'
export const mergePatch = 'application/merge-patch+json'
export const strategicPatch = 'application/strategic-merge-patch+json'
const applyPatch = 'application/apply-patch+yaml'

const PATCH_TRIES = 10

/** What a patch leads to; server-side apply may have created the object. */
export interface Patched extends Written {
  created: boolean
}

/** PATCH of an object or its status, in any of the four kinds of patches. */
export async function patchObject(context: Context, resource: Resource, call: ResourceCall): Promise<Patched> {
  const types = patchTypes(call)
  const type = mediaType(call.request.headers['content-type'])
  if (!types.includes(type)) throw unsupported(types)
  const patch = readBody(call.request, types)
  if (patch === undefined) throw badQuery('a PATCH needs a body')
  const turn = resource.cache.storePrefix + resource.key(call.info.namespace, call.info.name)
  return context.turns.take(turn, () =>
    type === applyPatch
      ? applyObject(context, resource, call, patch)
      : patchInTurn(context, resource, call, type, patch),
  )
}

async function patchInTurn(
  context: Context,
  resource: Resource,
  call: ResourceCall,
  type: string,
  patch: unknown,
): Promise<Patched> {
  for (let attempt = 1; ; attempt += 1) {
    const live = findLive(resource, call.info.namespace, call.info.name)
    try {
      return { ...(await patchLive(context, resource, call, live, type, patch)), created: false }
    } catch (error) {
      const raced = isReason(error, 'Conflict') && resource.cache.get(live.key)?.revision !== live.revision
      if (!raced || attempt >= PATCH_TRIES || namesVersion(patch)) throw error
    }
  }
}

function patchTypes({ kind }: ResourceCall): string[] {
  // Custom kinds know no strategic merge, in Kubernetes either.
  return kind.origin === 'custom'
    ? [jsonPatch, mergePatch, applyPatch]
    : [jsonPatch, mergePatch, strategicPatch, applyPatch]
}

/** Whether the patch itself insists on a version, so that trying again is of no use. */
function namesVersion(patch: unknown): boolean {
  return typeof (patch as Partial<KubeObject>).metadata?.resourceVersion === 'string'
}

async function patchLive(
  context: Context,
  resource: Resource,
  call: ResourceCall,
  live: Entry,
  type: string,
  patch: unknown,
): Promise<Written> {
  const before = liveObject(resource, call, live)
  const patched = runPatch(call, type, before, patch)
  // What the patch took over from the live object is shared with it; from here on the object is changed.
  const object = decodeObject(call, deepClone(patched))
  requireIdentity(call, object)
  return updateLive(context, resource, call, live, object)
}

function runPatch(call: ResourceCall, type: string, before: KubeObject, patch: unknown): unknown {
  switch (type) {
    case jsonPatch:
      return applyJsonPatch(before, patch)
    case mergePatch:
      requireObject(patch)
      return applyMergePatch(before, patch)
    default:
      requireObject(patch)
      return applyStrategicPatch(call.kind.schema, before as never, patch)
  }
}

function requireObject(patch: unknown): void {
  if (typeof patch === 'object' && patch !== null && !Array.isArray(patch)) return
  throw new ApiError('BadRequest', 'the patch must be an object with the fields to change')
}

function requireIdentity(call: ResourceCall, object: KubeObject): void {
  const { info, kind } = call
  if (object.metadata.name !== info.name) {
    throw invalid(kind, info.name, [
      {
        field: 'metadata.name',
        message: `Invalid value: ${JSON.stringify(object.metadata.name ?? '')}: field is immutable`,
      },
    ])
  }
  if ((object.metadata.namespace ?? '') !== info.namespace) {
    throw badQuery('the namespace of the provided object does not match the namespace sent on the request')
  }
}

/** Server-side apply. */
async function applyObject(context: Context, resource: Resource, call: ResourceCall, body: unknown): Promise<Patched> {
  const { query } = call.request
  const manager = query.get('fieldManager') ?? ''
  if (!manager) throw patchOption('fieldManager', 'Required value: is required for apply patch')
  const applied = decodeObject(call, body)
  if (applied.metadata.managedFields?.length) {
    throw new ApiError('BadRequest', 'metadata.managedFields must be nil')
  }
  place(call, applied)
  const force = isTrue(query.get('force'))
  for (let attempt = 1; ; attempt += 1) {
    const live = peekLive(resource, call.info.namespace, call.info.name)
    try {
      if (live)
        return { ...(await applyToLive(context, resource, call, live, applied, manager, force)), created: false }
      return { ...(await applyNew(context, resource, call, applied, manager)), created: true }
    } catch (error) {
      const now = peekLive(resource, call.info.namespace, call.info.name)
      const raced = isReason(error, 'Conflict', 'AlreadyExists') && now?.revision !== live?.revision
      if (!raced || attempt >= PATCH_TRIES || applied.metadata.resourceVersion) throw error
    }
  }
}

function patchOption(field: string, message: string): ApiError {
  return new ApiError('Invalid', `PatchOptions.meta.k8s.io "" is invalid: ${field}: ${message}`, {
    details: { group: 'meta.k8s.io', kind: 'PatchOptions', causes: [{ reason: 'FieldValueRequired', message, field }] },
  })
}

async function applyToLive(
  context: Context,
  resource: Resource,
  call: ResourceCall,
  live: Entry,
  applied: KubeObject,
  manager: string,
  force: boolean,
): Promise<Written> {
  const before = liveObject(resource, call, live)
  const object = deepClone(runApply(context, call, before, applied, manager, force))
  const booked = object.metadata.managedFields
  if (applied.metadata.resourceVersion) object.metadata.resourceVersion = applied.metadata.resourceVersion
  return updateLive(context, resource, call, live, object, { book: () => booked })
}

async function applyNew(
  context: Context,
  resource: Resource,
  call: ResourceCall,
  applied: KubeObject,
  manager: string,
): Promise<Written> {
  if (call.info.subresource) throw notFound(resource, call.info.name)
  if (applied.metadata.resourceVersion) {
    throw new ApiError(
      'Conflict',
      `Operation cannot be fulfilled: the object ${call.info.name} that resourceVersion names does not exist`,
    )
  }
  const object = deepClone(runApply(context, call, undefined, applied, manager, true))
  const booked = object.metadata.managedFields
  return createDecoded(context, resource, call, object, () => booked)
}

function runApply(
  context: Context,
  call: ResourceCall,
  live: KubeObject | undefined,
  applied: KubeObject,
  manager: string,
  force: boolean,
): KubeObject {
  return apply({
    schema: call.kind.schema,
    live,
    applied,
    manager,
    force,
    hasStatus: call.kind.subresources?.status === true,
    subresource: call.info.subresource,
    apiVersion: call.kind.apiVersion,
    now: timeText(context.now()),
  }) as KubeObject
}
