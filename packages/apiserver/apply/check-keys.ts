import { ApiError } from '@thresher/api/error'
import type { JsonSchema } from '@thresher/api/kind'
import { isObject } from '../schema/clone.ts'
import { fieldSchema, keyElement, shapeOf, valueElement } from './shape.ts'

/**
 * Refuse a configuration with lists that cannot be merged: an item without any of the keys, or two items with the same.
 *
 * @throws {ApiError} BadRequest
 */
export function checkKeys(schema: JsonSchema | undefined, value: unknown, path = ''): void {
  const shape = shapeOf(schema, value)
  if (shape === 'map') {
    for (const [name, field] of Object.entries(value as object))
      checkKeys(fieldSchema(schema, name), field, `${path}.${name}`)
  } else if (shape !== 'leaf') {
    const seen = new Set<string>()
    for (const [index, item] of (value as unknown[]).entries()) {
      const element = shape === 'set' ? valueElement(item) : keyElement(schema!, item)
      if (element === undefined) throw refuse(path, `element ${index}: ${withoutKey(schema!)}`)
      if (seen.has(element)) throw refuse(path, `duplicate entries for key ${element.slice(2)}`)
      seen.add(element)
      if (isObject(item)) checkKeys(schema?.items, item, `${path}[${index}]`)
    }
  }
}

function withoutKey(schema: JsonSchema): string {
  const [key = ''] = schema['x-kubernetes-list-map-keys'] ?? []
  return `associative list with keys has an element that omits key field ${JSON.stringify(key)} (and doesn't have default value)`
}

function refuse(path: string, what: string): ApiError {
  return new ApiError('BadRequest', `failed to create typed patch object: ${path}: ${what}`)
}
