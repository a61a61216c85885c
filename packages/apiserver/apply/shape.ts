import type { JsonSchema } from '@thresher/api/kind'
import { getOwn, isObject, type JsonObject } from '../schema/clone.ts'
import { mapValues } from '../schema/shape.ts'

/**
 * How managers share a value: a `leaf` has one owner as a whole, the parts of the others have owners of their own.
 * `keyed` lists have items told apart by keys, `set` lists distinct plain values.
 */
export type Shape = 'leaf' | 'map' | 'set' | 'keyed'

/** The shape of a value; without a schema lists are leaves and objects maps. */
export function shapeOf(schema: JsonSchema | undefined, value: unknown): Shape {
  if (Array.isArray(value)) {
    const listType = schema?.['x-kubernetes-list-type']
    if (listType === 'set') return 'set'
    return listType === 'map' && schema?.['x-kubernetes-list-map-keys']?.length ? 'keyed' : 'leaf'
  }
  return isObject(value) && schema?.['x-kubernetes-map-type'] !== 'atomic' ? 'map' : 'leaf'
}

/** The schema of a field; undefined where nothing is known of it. */
export function fieldSchema(schema: JsonSchema | undefined, name: string): JsonSchema | undefined {
  return declaredField(schema, name) ?? (schema && mapValues(schema))
}

/** The schema of a field that is named in `properties`, not of one that a map may have. */
export function declaredField(schema: JsonSchema | undefined, name: string): JsonSchema | undefined {
  return schema?.properties && Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined
}

/** The path element of an item of a set list. */
export function valueElement(item: unknown): string {
  return `v:${JSON.stringify(item)}`
}

/** The path element of an item of a keyed list, defaults filled in; undefined when the item has none of the keys. */
export function keyElement(schema: JsonSchema, item: unknown): string | undefined {
  if (!isObject(item)) return undefined
  const keys: JsonObject = {}
  let found = false
  for (const name of (schema['x-kubernetes-list-map-keys'] ?? []).toSorted()) {
    const value = getOwn(item, name) ?? declaredField(schema.items, name)?.default
    if (value === undefined || value === null) continue
    keys[name] = value
    found = true
  }
  return found ? `k:${JSON.stringify(keys)}` : undefined
}

/** The items of a set or keyed list by path element, first ones first; items without keys are left out. */
export function elementsOf(schema: JsonSchema | undefined, shape: Shape, items: unknown): Map<string, unknown> {
  const found = new Map<string, unknown>()
  if (!Array.isArray(items) || !schema) return found
  for (const item of items) {
    const element = shape === 'set' ? valueElement(item) : keyElement(schema, item)
    if (element !== undefined && !found.has(element)) found.set(element, item)
  }
  return found
}
