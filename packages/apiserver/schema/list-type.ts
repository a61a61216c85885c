import type { FieldError } from '@thresher/api/error'
import type { JsonSchema } from '@thresher/api/kind'
import { getOwn, isObject, type JsonObject } from './clone.ts'
import { duplicate, maxErrors } from './field-error.ts'

type ListCheck = (items: unknown[], path: string, errors: FieldError[]) => void

/** What finds second items with the same value (list type set, or uniqueItems) or the same keys (list type map). */
export function compileListType(schema: JsonSchema): ListCheck | undefined {
  const keys = schema['x-kubernetes-list-type'] === 'map' ? (schema['x-kubernetes-list-map-keys'] ?? []) : []
  if (keys.length > 0) {
    const parts = keys.map((name) => ({ name, fallback: schema.items?.properties?.[name]?.default }))
    return (items, path, errors) =>
      findRepeated(
        items,
        (item) => keysAsText(item, parts),
        (item, index) => errors.push(duplicate(`${path}[${index}]`, keysOf(item, parts))) < maxErrors,
      )
  }
  if (schema['x-kubernetes-list-type'] === 'set' || schema.uniqueItems)
    return (items, path, errors) =>
      findRepeated(items, canonical, (item, index) => errors.push(duplicate(`${path}[${index}]`, item)) < maxErrors)
  return undefined
}

interface Key {
  name: string
  fallback: unknown
}

function keysAsText(item: unknown, keys: Key[]): string | undefined {
  if (!isObject(item)) return undefined
  let text = ''
  for (const { name, fallback } of keys) {
    const value = Object.hasOwn(item, name) ? item[name] : fallback
    text +=
      typeof value === 'string' ? `"${value}\0` : typeof value === 'number' ? `${value}\0` : `${canonical(value)}\0`
  }
  return text
}

function keysOf(item: unknown, keys: Key[]): JsonObject {
  const found: JsonObject = {}
  for (const { name, fallback } of keys) {
    const value = (isObject(item) ? getOwn(item, name) : undefined) ?? fallback
    if (value !== undefined) found[name] = value
  }
  return found
}

/** Tells `report` of each item whose identity came before; stops when it returns false. */
function findRepeated(
  items: unknown[],
  identity: (item: unknown) => string | undefined,
  report: (item: unknown, index: number) => boolean,
): void {
  if (items.length < 2) return
  const seen = new Set<string>()
  for (let index = 0; index < items.length; index++) {
    const id = identity(items[index])
    if (id === undefined) continue
    if (seen.has(id) && !report(items[index], index)) return
    seen.add(id)
  }
}

/** JSON with fields in one order, so that equal values are equal text. */
function canonical(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? ''
  return JSON.stringify(value, (_, part: unknown) =>
    isObject(part) ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1))) : part,
  )
}
