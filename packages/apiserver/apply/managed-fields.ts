import { ApiError } from '@thresher/api/error'
import type { JsonSchema } from '@thresher/api/kind'
import type { KubeObject, ManagedFieldsEntry } from '@thresher/api/meta'
import { deepEqual, isObject, type JsonObject } from '../schema/clone.ts'
import { compare, isSame, type Comparison } from './compare.ts'
import { checkKeys } from './check-keys.ts'
import { conflictError } from './conflict.ts'
import { allowedByLastApplied, refreshLastApplied } from './last-applied.ts'
import { difference, emptySet, equalSets, intersection, isEmpty, union, type FieldSet } from './field-set.ts'
import { fieldsOf } from './fields-of.ts'
import { disown, managerId, readManagers, writeManagers, type Manager, type Managers } from './managers.ts'
import { merge } from './merge.ts'
import { removeUnowned } from './remove.ts'
import { trackable } from './untracked.ts'

/** A server-side apply. */
export interface ApplyOptions {
  /** The kind's schema, of the whole object. */
  schema: JsonSchema
  /** The object as it is; undefined when there is none yet. */
  live: KubeObject | undefined
  /** What the manager wants, without defaults. With subresource `status` only its status counts. */
  applied: unknown
  manager: string
  /** Take over fields that others own. */
  force: boolean
  /** Empty for the object itself. */
  subresource?: string
  /** Whether the kind has a status subresource, so that a status applied to the object itself is left aside. */
  hasStatus?: boolean
  apiVersion: string
  /** RFC 3339 with whole seconds. */
  now: string
}

/**
 * The object that a server-side apply leads to, its managedFields included; defaults are not yet filled in.
 *
 * When the apply changes nothing the answer is the `live` object itself. Otherwise it shares nothing with it.
 *
 * @throws {ApiError} Conflict, with a cause FieldManagerConflict for each field that another manager owns; BadRequest
 * @see https://kubernetes.io/docs/reference/using-api/server-side-apply/
 */
export function apply(options: ApplyOptions): KubeObject {
  const { schema, live, manager, apiVersion, now } = options
  const { managedFields, ...bare } = (live?.metadata ?? {}) as KubeObject['metadata']
  const applied = configuration(options)
  checkKeys(schema, applied)
  const before = (live ? { ...live, metadata: bare } : { apiVersion, kind: applied.kind, metadata: {} }) as KubeObject
  const managers = startingManagers(schema, before, live && (managedFields ?? []), apiVersion)
  const self: Manager = {
    manager,
    operation: 'Apply',
    apiVersion,
    time: now,
    fields: trackable(fieldsOf(schema, applied)),
  }
  if (options.subresource) self.subresource = options.subresource
  const id = managerId(self)
  const previous = managers.get(id)

  managers.set(id, self)
  const merged = merge(schema, before, applied) as KubeObject
  if (previous) removeUnowned(schema, merged, previous.fields, ownedByAny(managers))
  const changes = compare(schema, before, merged)
  settleConflicts(options, managers, id, changes, before)

  if (
    live &&
    isSame(changes) &&
    previous &&
    previous.apiVersion === apiVersion &&
    equalSets(previous.fields, self.fields)
  )
    return live
  merged.metadata ??= {}
  merged.metadata.managedFields = writeManagers(managers)
  return refreshLastApplied(merged, manager, options.applied)
}

function ownedByAny(managers: Managers): FieldSet {
  let all = emptySet
  for (const { fields } of managers.values()) all = union(all, fields)
  return all
}

/** The part of the applied object that counts. @throws {ApiError} BadRequest */
function configuration({ applied, subresource, hasStatus }: ApplyOptions): KubeObject {
  if (typeof applied !== 'object' || applied === null || Array.isArray(applied))
    throw new ApiError('BadRequest', 'the applied configuration must be an object')
  const { metadata = {}, ...rest } = applied as Partial<KubeObject> & JsonObject
  if (!isObject(metadata))
    throw new ApiError('BadRequest', 'the metadata of the applied configuration must be an object')
  if (metadata.managedFields?.length) throw new ApiError('BadRequest', 'metadata.managedFields must be nil')
  const { managedFields: _, creationTimestamp: _created, generation: _generation, selfLink: _link, ...meta } = metadata
  if (subresource === 'status') {
    const { apiVersion, kind, status } = rest
    return {
      apiVersion,
      kind,
      metadata: { name: meta.name, namespace: meta.namespace },
      ...(status === undefined ? {} : { status }),
    } as KubeObject
  }
  if (hasStatus) delete rest['status']
  return { ...rest, metadata: meta } as KubeObject
}

/** The managers before an apply. An object that was never tracked belongs to `before-first-apply`. */
function startingManagers(
  schema: JsonSchema,
  before: KubeObject,
  entries: ManagedFieldsEntry[] | undefined,
  apiVersion: string,
): Managers {
  if (!entries) return new Map()
  const managers = readOrForget(entries)
  if (managers.size > 0) return managers
  const fields = trackable(compare(schema, {}, before).added)
  const first: Manager = { manager: 'before-first-apply', operation: 'Update', apiVersion, fields }
  return new Map([[managerId(first), first]])
}

/** Entries that cannot be read are worth nothing: all are dropped, as Kubernetes does. */
function readOrForget(entries: readonly ManagedFieldsEntry[] | undefined): Managers {
  try {
    return readManagers(entries)
  } catch {
    return new Map()
  }
}

/** Refuse changes of what others own, or take it from them. @throws {ApiError} Conflict */
function settleConflicts(
  { schema, force, manager }: ApplyOptions,
  managers: Managers,
  self: string,
  changes: Comparison,
  before: KubeObject,
): void {
  const touched = union(changes.modified, changes.added)
  if (!force && !isEmpty(touched)) {
    const allowed = manager === 'kubectl' ? allowedByLastApplied(schema, before) : emptySet
    const conflicts = [...managers].flatMap(([id, other]): [Manager, FieldSet][] => {
      const fields = id === self ? emptySet : difference(intersection(other.fields, touched), allowed)
      return isEmpty(fields) ? [] : [[other, fields]]
    })
    if (conflicts.length > 0) throw conflictError(conflicts)
  }
  disown(managers, touched, self)
  disown(managers, changes.removed, self)
}

/** An ordinary write: create, update or another patch. */
export interface UpdateOptions {
  schema: JsonSchema
  /** The object as it was; undefined on create. */
  before: KubeObject | undefined
  after: KubeObject
  manager: string
  subresource?: string
  apiVersion: string
  /** RFC 3339 with whole seconds. */
  now: string
  operation?: 'Update'
}

/**
 * The managedFields of an object after an ordinary write: what changed belongs to the writer now.
 *
 * A writer that sets managedFields to `[{}]` ends all tracking of the object until the next apply.
 */
export function trackUpdate(options: UpdateOptions): ManagedFieldsEntry[] {
  const { schema, before, after, manager, subresource, apiVersion, now } = options
  const kept = before?.metadata.managedFields
  const given = after.metadata.managedFields
  if (isReset(given) && !subresource) return []
  const live = readOrForget(kept)
  const untouched = subresource || !given?.length || given === kept || deepEqual(given, kept)
  const managers = untouched ? live : givenManagers(given, live)
  if (before && managers.size === 0) return []
  const { managedFields: _kept, ...metaBefore } = before?.metadata ?? {}
  const { managedFields: _given, ...metaAfter } = after.metadata
  const changes = compare(schema, before ? { ...before, metadata: metaBefore } : {}, { ...after, metadata: metaAfter })
  const gained = trackable(union(changes.added, changes.modified))
  if (isEmpty(gained) && isEmpty(trackable(changes.removed)) && untouched) return kept ?? []

  disown(managers, gained)
  disown(managers, changes.removed)
  if (!isEmpty(gained)) {
    const self: Manager = { manager, operation: 'Update', apiVersion, time: now, fields: gained }
    if (subresource) self.subresource = subresource
    const id = managerId(self)
    const previous = managers.get(id)
    if (previous) self.fields = union(previous.fields, gained)
    managers.set(id, self)
  }
  return writeManagers(managers)
}

function isReset(entries: ManagedFieldsEntry[] | undefined): boolean {
  const [only] = Array.isArray(entries) && entries.length === 1 ? entries : []
  return isObject(only) && Object.keys(only).length === 0
}

/** Entries that a writer gives are taken when they can be read; else those that were there stay. */
function givenManagers(entries: ManagedFieldsEntry[] | undefined, live: Managers): Managers {
  const given = readOrForget(entries)
  return given.size > 0 ? given : live
}
