import type { ManagedFieldsEntry } from '@thresher/api/meta'
import { difference, isEmpty, parseFieldsV1, toFieldsV1, union, type FieldSet } from './field-set.ts'

/** One manager's fields. */
export interface Manager {
  manager: string
  operation: 'Apply' | 'Update'
  apiVersion: string
  subresource?: string
  time?: string
  fields: FieldSet
}

/** Managers by {@link managerId}. */
export type Managers = Map<string, Manager>

/** An applier keeps its fields when it changes to another version of the kind; an updater does not. */
export function managerId({ manager, operation, apiVersion, subresource = '' }: Omit<Manager, 'fields'>): string {
  return JSON.stringify([manager, operation, operation === 'Update' ? apiVersion : '', subresource])
}

/** Sets of stored entries, for as long as those live. */
const parsed = new WeakMap<object, FieldSet>()

function fieldsOfEntry({ fieldsV1 }: ManagedFieldsEntry): FieldSet {
  if (typeof fieldsV1 !== 'object' || fieldsV1 === null) return parseFieldsV1({})
  let fields = parsed.get(fieldsV1)
  if (!fields) {
    fields = parseFieldsV1(fieldsV1)
    parsed.set(fieldsV1, fields)
  }
  return fields
}

/** Read the managers of an object. @throws {TypeError} when an entry is not well formed */
export function readManagers(entries: readonly ManagedFieldsEntry[] = []): Managers {
  const managers: Managers = new Map()
  for (const entry of entries) {
    const { manager = '', operation, apiVersion = '', subresource, time } = entry
    if (operation !== 'Apply' && operation !== 'Update') throw new TypeError(`operation must be Apply or Update`)
    const fields = fieldsOfEntry(entry)
    const one: Manager = { manager, operation, apiVersion, fields }
    if (subresource) one.subresource = subresource
    if (time) one.time = time
    managers.set(managerId(one), one)
  }
  return managers
}

/** More entries of updates than this are merged, the oldest first, as Kubernetes does. */
const maxUpdateManagers = 10
const ancient = 'ancient-changes'

/** The managers as entries: those without fields left out, appliers first, then by age. */
export function writeManagers(managers: Managers): ManagedFieldsEntry[] {
  for (const [id, { fields }] of managers) if (isEmpty(fields)) managers.delete(id)
  mergeOldest(managers)
  return [...managers.values()]
    .toSorted(inOrder)
    .map(({ manager, operation, apiVersion, time, fields, subresource }) => {
      const fieldsV1 = toFieldsV1(fields)
      parsed.set(fieldsV1, fields)
      return {
        manager,
        operation,
        apiVersion,
        ...(time ? { time } : {}),
        fieldsType: 'FieldsV1',
        fieldsV1,
        ...(subresource ? { subresource } : {}),
      }
    })
}

function inOrder(a: Manager, b: Manager): number {
  return (
    byText(a.operation, b.operation) ||
    byText(a.time ?? '', b.time ?? '') ||
    byText(a.manager, b.manager) ||
    byText(a.apiVersion, b.apiVersion) ||
    byText(a.subresource ?? '', b.subresource ?? '')
  )
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** Merge the oldest updaters of each version into one entry until few enough are left. */
function mergeOldest(managers: Managers): void {
  const updaters = [...managers]
    .filter(([, { operation }]) => operation === 'Update')
    .toSorted(([, a], [, b]) => inOrder(a, b))
  let count = updaters.length
  const firsts = new Map<string, [string, Manager]>()
  for (const [id, one] of updaters) {
    if (count <= maxUpdateManagers) return
    const first = firsts.get(one.apiVersion)
    if (!first) {
      firsts.set(one.apiVersion, [id, one])
      continue
    }
    const bucket: Manager = { manager: ancient, operation: 'Update', apiVersion: one.apiVersion, fields: one.fields }
    const bucketId = managerId(bucket)
    if (id === bucketId) continue
    const into = managers.get(bucketId) ?? first[1]
    if (!managers.has(bucketId)) managers.delete(first[0])
    managers.delete(id)
    managers.set(bucketId, {
      ...bucket,
      fields: union(into.fields, one.fields),
      ...(one.time ? { time: one.time } : {}),
    })
    count--
  }
}

/** Take these fields from every manager but one. */
export function disown(managers: Managers, fields: FieldSet, except?: string): void {
  if (isEmpty(fields)) return
  for (const [id, one] of managers) {
    if (id === except) continue
    const rest = difference(one.fields, fields)
    if (rest !== one.fields) managers.set(id, { ...one, fields: rest })
  }
}
