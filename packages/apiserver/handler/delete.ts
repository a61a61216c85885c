import { ApiError, isReason, type Status } from '@thresher/api/error'
import type { KubeObject } from '@thresher/api/meta'
import type { Entry } from '../entry.ts'
import type { Resource } from '../registry.ts'
import type { ResourceCall } from '../request.ts'
import { deepClone } from '../schema/clone.ts'
import { commitDelete, commitUpdate } from './commit.ts'
import { timeText, type Context } from './context.ts'
import { conflict } from './failures.ts'
import { heldBySpec, isNamespace, requireMortal } from './namespaces.ts'
import { isTrue } from './request-info.ts'
import { findLive, liveObject } from './update.ts'
import { Reservations, admissionRequest, admit, countsGenerations } from './write.ts'

/** What a deletion asks for. */
export interface DeleteOptions {
  gracePeriodSeconds?: number
  propagationPolicy?: 'Orphan' | 'Background' | 'Foreground'
  preconditions?: { uid?: string; resourceVersion?: string }
}

/** An object, when it goes on for a while; a Status when it is gone. */
export type Deleted = { object: KubeObject; entry?: Entry } | { status: Status }

const policies = ['Orphan', 'Background', 'Foreground'] as const
const DELETE_TRIES = 10

/** Read DeleteOptions out of a body and the query, the body first. @throws {ApiError} */
export function readDeleteOptions(body: unknown, query: URLSearchParams): DeleteOptions {
  if (body !== undefined && (typeof body !== 'object' || body === null || Array.isArray(body))) {
    throw new ApiError('BadRequest', 'the body of a deletion must be DeleteOptions')
  }
  const given = (body ?? {}) as Record<string, unknown>
  if (given.kind !== undefined && given.kind !== 'DeleteOptions') {
    throw new ApiError('BadRequest', `the body of a deletion must be DeleteOptions, not ${JSON.stringify(given.kind)}`)
  }
  const seconds = given.gracePeriodSeconds ?? numberOf(query.get('gracePeriodSeconds'))
  const policy = given.propagationPolicy ?? query.get('propagationPolicy') ?? orphanPolicy(given, query)
  const options: DeleteOptions = {}
  if (seconds !== undefined && seconds !== null) {
    if (!Number.isSafeInteger(seconds)) throw invalidOption('gracePeriodSeconds', seconds, 'must be an integer')
    // Kubernetes reads a negative period as one second.
    options.gracePeriodSeconds = Math.max((seconds as number) < 0 ? 1 : (seconds as number), 0)
  }
  if (policy !== undefined && policy !== null) {
    if (!policies.includes(policy as never)) {
      throw invalidOption('propagationPolicy', policy, 'must be one of Orphan, Background, Foreground')
    }
    options.propagationPolicy = policy as (typeof policies)[number]
  }
  if (given.preconditions !== undefined && given.preconditions !== null) {
    options.preconditions = readPreconditions(given.preconditions)
  }
  return options
}

function readPreconditions(value: unknown): NonNullable<DeleteOptions['preconditions']> {
  const { uid, resourceVersion } = value as Record<string, unknown>
  if (uid !== undefined && uid !== null && typeof uid !== 'string')
    throw invalidOption('preconditions.uid', uid, 'must be a string')
  if (resourceVersion !== undefined && resourceVersion !== null && typeof resourceVersion !== 'string') {
    throw invalidOption('preconditions.resourceVersion', resourceVersion, 'must be a string')
  }
  return { ...(uid ? { uid } : {}), ...(resourceVersion ? { resourceVersion } : {}) }
}

function orphanPolicy(given: Record<string, unknown>, query: URLSearchParams): string | undefined {
  const orphan =
    given.orphanDependents ?? (query.has('orphanDependents') ? isTrue(query.get('orphanDependents')) : undefined)
  if (orphan === undefined || orphan === null) return undefined
  return orphan === true ? 'Orphan' : 'Background'
}

function numberOf(text: string | null): number | undefined {
  if (text === null || text === '') return undefined
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw invalidOption('gracePeriodSeconds', text, 'must be an integer')
  return value
}

function invalidOption(field: string, value: unknown, message: string): ApiError {
  const text = `Invalid value: ${JSON.stringify(value)}: ${message}`
  return new ApiError('Invalid', `DeleteOptions.meta.k8s.io "" is invalid: ${field}: ${text}`, {
    details: {
      group: 'meta.k8s.io',
      kind: 'DeleteOptions',
      causes: [{ reason: 'FieldValueInvalid', message: text, field }],
    },
  })
}

/** DELETE of one object. */
export async function deleteObject(
  context: Context,
  resource: Resource,
  call: ResourceCall,
  options: DeleteOptions,
): Promise<Deleted> {
  const { namespace, name } = call.info
  requireMortal(call.kind, name)
  for (let attempt = 1; ; attempt += 1) {
    const live = findLive(resource, namespace, name)
    const reservations = new Reservations()
    try {
      const object = liveObject(resource, call, live)
      requirePreconditions(resource, live, object, options)
      await admit(context, admissionRequest(call, 'DELETE', undefined, object), reservations)
      return await deleteLive(context, resource, call, live, object, options)
    } catch (error) {
      reservations.release()
      // Someone changed the object between our look and our write. Unless the caller minds, look again.
      const stale = resource.cache.get(live.key)?.revision !== live.revision
      if (isReason(error, 'Conflict') && stale && attempt < DELETE_TRIES && !options.preconditions?.resourceVersion)
        continue
      throw error
    }
  }
}

function requirePreconditions(
  resource: Resource,
  live: Entry,
  object: KubeObject,
  { preconditions }: DeleteOptions,
): void {
  const { uid, resourceVersion } = preconditions ?? {}
  if (uid && uid !== object.metadata.uid) {
    throw conflict(
      resource,
      live.name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${object.metadata.uid}`,
    )
  }
  if (resourceVersion && resourceVersion !== String(live.revision)) {
    throw conflict(
      resource,
      live.name,
      `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${live.revision}`,
    )
  }
}

async function deleteLive(
  context: Context,
  resource: Resource,
  call: ResourceCall,
  live: Entry,
  object: KubeObject,
  options: DeleteOptions,
): Promise<Deleted> {
  const next = deepClone(object)
  const grace = graceOf(call, object, options)
  setFinalizers(next, options.propagationPolicy)
  const held = (next.metadata.finalizers?.length ?? 0) > 0 || heldBySpec(call.kind, next)
  if (!held && grace === 0) {
    const gone = call.dryRun ? live : await commitDelete(context, resource, live)
    if (!call.kind.gracePeriodSeconds) return { status: success(call, object) }
    return { object: { ...object, metadata: { ...object.metadata, resourceVersion: String(gone.revision) } } }
  }
  const changed = markDeleted(context, call, next, grace)
  if (!changed && next.metadata.finalizers?.join() === object.metadata.finalizers?.join())
    return { object, entry: live }
  if (call.dryRun) return { object: next }
  const entry = await commitUpdate(context, resource, live, next)
  return { object: entry.object(resource.cache.jsonPrefix), entry }
}

function graceOf(call: ResourceCall, object: KubeObject, options: DeleteOptions): number {
  const usual = call.kind.gracePeriodSeconds?.(object as never) ?? 0
  // Only kinds that know graceful deletion have one, and what needs none gets none.
  return usual === 0 ? 0 : (options.gracePeriodSeconds ?? usual)
}

/** @returns whether anything changed: a second deletion may shorten the time, never lengthen it */
function markDeleted(context: Context, call: ResourceCall, next: KubeObject, grace: number): boolean {
  const { metadata } = next
  const before = metadata.deletionGracePeriodSeconds ?? 0
  if (metadata.deletionTimestamp) {
    if (grace >= before) return false
    const started = Date.parse(metadata.deletionTimestamp) - before * 1000
    metadata.deletionTimestamp = timeText(started + grace * 1000)
    metadata.deletionGracePeriodSeconds = grace
    return true
  }
  metadata.deletionTimestamp = timeText(context.now() + grace * 1000)
  metadata.deletionGracePeriodSeconds = grace
  if (countsGenerations(call.kind)) metadata.generation = (metadata.generation ?? 0) + 1
  if (isNamespace(call.kind))
    Object.assign(next, { status: { ...(next as { status?: object }).status, phase: 'Terminating' } })
  return true
}

/** The garbage collector acts on these and takes them off when it is done. */
function setFinalizers({ metadata }: KubeObject, policy: DeleteOptions['propagationPolicy']): void {
  if (!policy) return
  const others = (metadata.finalizers ?? []).filter((name) => name !== 'orphan' && name !== 'foregroundDeletion')
  if (policy === 'Orphan') others.push('orphan')
  if (policy === 'Foreground') others.push('foregroundDeletion')
  if (others.length > 0) metadata.finalizers = others
  else delete metadata.finalizers
}

function success({ kind }: ResourceCall, { metadata }: KubeObject): Status {
  return {
    apiVersion: 'v1',
    kind: 'Status',
    metadata: {},
    status: 'Success',
    details: {
      name: metadata.name,
      ...(kind.group ? { group: kind.group } : {}),
      kind: kind.plural,
      uid: metadata.uid,
    },
    code: 200,
  }
}
