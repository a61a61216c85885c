import { ApiError } from '@thresher/api/error'
import type { JsonSchema } from '@thresher/api/kind'
import { deepClone, getOwn, isObject, setOwn, type JsonObject } from '../schema/clone.ts'
import { mapValues } from '../schema/shape.ts'

const directive = '$patch'
const retainKeys = '$retainKeys'
const deletePrefix = '$deleteFromPrimitiveList/'
const orderPrefix = '$setElementOrder/'

/**
 * Apply a strategic merge patch: as a merge patch, but lists whose schema says so are merged item by item.
 *
 * Understands `$patch: delete | replace | merge`, `$retainKeys`, `$setElementOrder/<list>` and `$deleteFromPrimitiveList/<list>`.
 *
 * @returns a new object that shares nothing with the old one
 * @throws {ApiError} BadRequest when the patch contradicts itself or the schema
 * @see Kubernetes, "Strategic Merge Patch" in the API conventions of SIG API Machinery
 */
export function applyStrategicPatch(schema: JsonSchema, document: JsonObject, patch: unknown): JsonObject {
  if (!isObject(patch)) throw new ApiError('BadRequest', 'a strategic merge patch is an object')
  return mergeObject(schema, document, patch, '')
}

function fieldSchema(schema: JsonSchema | undefined, name: string): JsonSchema | undefined {
  if (!schema) return undefined
  const field = schema.properties && Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined
  return field ?? mapValues(schema)
}

function strategies(schema: JsonSchema | undefined): string[] {
  return (schema?.['x-kubernetes-patch-strategy'] ?? '').split(',')
}

function refuse(path: string, what: string): ApiError {
  return new ApiError('BadRequest', `invalid strategic merge patch${path && ` at ${path}`}: ${what}`)
}

function mergeObject(schema: JsonSchema | undefined, document: unknown, patch: JsonObject, path: string): JsonObject {
  const verb = getOwn(patch, directive)
  if (verb === 'replace') return withoutDirectives(schema, patch, path)
  if (verb === 'delete') return {}
  if (verb !== undefined && verb !== 'merge') throw refuse(path, `$patch must be delete, replace or merge`)
  const result: JsonObject = {}
  if (isObject(document)) for (const key of Object.keys(document)) setOwn(result, key, deepClone(document[key]))
  retain(result, patch, path)
  const lists = listsInPatch(patch)
  for (const key of Object.keys(patch)) {
    if (key.startsWith('$')) continue
    const value = patch[key]
    const below = path === '' ? key : `${path}.${key}`
    const field = fieldSchema(schema, key)
    const before = getOwn(result, key)
    if (value === null) delete result[key]
    else if (Array.isArray(value)) {
      lists.delete(key)
      setOwn(result, key, mergeField(field, before, value, patch, key, below))
    } else if (isObject(value)) setOwn(result, key, mergeMap(field, before, value, below))
    else setOwn(result, key, value)
  }
  for (const key of lists) {
    const before = getOwn(result, key)
    if (!Array.isArray(before)) continue
    const below = path === '' ? key : `${path}.${key}`
    setOwn(result, key, mergeField(fieldSchema(schema, key), before, [], patch, key, below))
  }
  return result
}

/** A struct with patch strategy `replace` is replaced as a whole. */
function mergeMap(schema: JsonSchema | undefined, before: unknown, patch: JsonObject, path: string): JsonObject {
  if (strategies(schema).includes('replace')) return withoutDirectives(schema, patch, path)
  return mergeObject(schema, before, patch, path)
}

/** Drop what `$retainKeys` does not name; all keys that the patch sets must be named. */
function retain(result: JsonObject, patch: JsonObject, path: string): void {
  const keep = getOwn(patch, retainKeys)
  if (keep === undefined) return
  if (!Array.isArray(keep)) throw refuse(path, '$retainKeys must be a list of field names')
  for (const key of Object.keys(patch)) {
    if (!key.startsWith('$') && patch[key] !== null && !keep.includes(key))
      throw refuse(path, `$retainKeys does not name ${key}, which the patch sets`)
  }
  for (const key of Object.keys(result)) if (!keep.includes(key)) delete result[key]
}

/** The lists that the patch only orders or deletes from. */
function listsInPatch(patch: JsonObject): Set<string> {
  const names = Object.keys(patch).flatMap((key) => {
    if (key.startsWith(deletePrefix)) return [key.slice(deletePrefix.length)]
    return key.startsWith(orderPrefix) ? [key.slice(orderPrefix.length)] : []
  })
  return new Set(names)
}

function mergeField(
  schema: JsonSchema | undefined,
  before: unknown,
  items: unknown[],
  patch: JsonObject,
  key: string,
  path: string,
): unknown[] {
  if (!strategies(schema).includes('merge')) return items.map((item) => plain(schema?.items, item, path))
  const old = Array.isArray(before) ? before : []
  const order = getOwn(patch, orderPrefix + key)
  if (order !== undefined && !Array.isArray(order)) throw refuse(path, `$setElementOrder must be a list`)
  const mergeKey = schema?.['x-kubernetes-patch-merge-key']
  if (mergeKey) {
    const merged = mergeKeyed(schema?.items, old, items, mergeKey, path)
    const identity = (item: unknown) => (isObject(item) ? getOwn(item, mergeKey) : undefined)
    return arrange(merged, order ?? items, identity, path, order !== undefined)
  }
  const gone = getOwn(patch, deletePrefix + key)
  if (gone !== undefined && !Array.isArray(gone)) throw refuse(path, `$deleteFromPrimitiveList must be a list`)
  const dropped = new Set(gone?.map(asKey))
  const kept = old.filter((item) => !dropped.has(asKey(item)))
  const known = new Set(kept.map(asKey))
  const added = items.filter((item) => known.size < known.add(asKey(item)).size)
  return arrange([...kept, ...deepClone(added)], order ?? items, (item) => item, path, order !== undefined)
}

/** Plain values, and keys of items, in a form that a Map can tell apart. */
function asKey(value: unknown): string {
  return JSON.stringify(value) ?? ''
}

function mergeKeyed(schema: JsonSchema | undefined, old: unknown[], items: unknown[], mergeKey: string, path: string) {
  if (items.some((item) => isObject(item) && item[directive] === 'replace' && Object.keys(item).length === 1))
    return items.filter((item) => !(isObject(item) && directive in item)).map((item) => plain(schema, item, path))
  const result: unknown[] = [...old]
  const places = new Map<string, number>()
  for (const [index, item] of old.entries()) {
    const key = isObject(item) ? asKey(getOwn(item, mergeKey)) : ''
    if (key !== '' && !places.has(key)) places.set(key, index)
  }
  const deleted = new Set<string>()
  for (const item of items) {
    if (!isObject(item)) throw refuse(path, `an item is not an object with the field ${mergeKey}`)
    const id = getOwn(item, mergeKey)
    if (id === undefined || id === null)
      throw refuse(path, `map: ${JSON.stringify(item)} does not contain declared merge key: ${mergeKey}`)
    const key = asKey(id)
    if (item[directive] === 'delete') {
      deleted.add(key)
      continue
    }
    const at = places.get(key)
    if (at !== undefined) result[at] = mergeObject(schema, result[at], item, path)
    else {
      places.set(key, result.length)
      result.push(plain(schema, item, path))
    }
  }
  return deleted.size === 0
    ? result
    : result.filter((item) => !(isObject(item) && deleted.has(asKey(getOwn(item, mergeKey)))))
}

/**
 * Put the items that `order` names into that order and leave the others where they stand relative to them.
 *
 * @param complete whether the order comes from `$setElementOrder`, which must name every item that the patch touches
 */
function arrange(
  items: unknown[],
  order: unknown[],
  identity: (item: unknown) => unknown,
  path: string,
  complete: boolean,
): unknown[] {
  if (!complete) return items
  const rank = new Map(order.map((item, index) => [JSON.stringify(identity(item) ?? item), index]))
  const rankOf = (item: unknown) => rank.get(JSON.stringify(identity(item)))
  const named = items.filter((item) => rankOf(item) !== undefined).toSorted((a, b) => rankOf(a)! - rankOf(b)!)
  const result: unknown[] = []
  let next = 0
  for (const item of items) {
    if (rankOf(item) === undefined) result.push(item)
    else result.push(named[next++])
  }
  return result
}

/** A part of a patch as a plain value: directives gone, nulls dropped, lists as given. */
function plain(schema: JsonSchema | undefined, value: unknown, path: string): unknown {
  if (Array.isArray(value)) return value.map((item) => plain(schema?.items, item, path))
  return isObject(value) ? mergeObject(schema, undefined, value, path) : value
}

function withoutDirectives(schema: JsonSchema | undefined, patch: JsonObject, path: string): JsonObject {
  const rest: JsonObject = {}
  for (const key of Object.keys(patch)) if (key !== directive) setOwn(rest, key, patch[key])
  return mergeObject(schema, undefined, rest, path)
}
