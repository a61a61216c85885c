import type { JsonSchema } from '@thresher/api/kind'
import { isObject, type JsonObject } from './clone.ts'
import { fieldsOf, keepsUnknown, mapValues } from './shape.ts'

/** Walks a value, notes the paths of fields that the schema does not know and, if asked, drops them. */
export type Pruner = (value: unknown, path: string, unknown: string[], drop: boolean) => void

/** What finds the fields that a schema does not know; undefined where it takes anything. */
export function compilePruner(schema: JsonSchema): Pruner | undefined {
  const object = objectPruner(schema)
  const item = schema.items ? compilePruner(schema.items) : undefined
  if (!object && !item) return undefined
  return (value, path, unknown, drop) => {
    if (Array.isArray(value)) {
      if (item) for (let i = 0; i < value.length; i++) item(value[i], `${path}[${i}]`, unknown, drop)
    } else if (isObject(value)) object?.(value, path, unknown, drop)
  }
}

function objectPruner(schema: JsonSchema) {
  const fields = new Map(
    Object.entries(fieldsOf(schema) ?? {}).map(([name, field]) => [name, compilePruner(field)] as const),
  )
  const values = mapValues(schema)
  const value = values ? compilePruner(values) : undefined
  const keep = keepsUnknown(schema) || values !== undefined
  if (keep && !value && [...fields.values()].every((field) => !field)) return undefined
  return (object: JsonObject, path: string, unknown: string[], drop: boolean) => {
    for (const key of Object.keys(object)) {
      const field = fields.get(key)
      const below = path === '' ? key : `${path}.${key}`
      if (field) field(object[key], below, unknown, drop)
      else if (fields.has(key)) continue
      else if (value) value(object[key], below, unknown, drop)
      else if (!keep) {
        unknown.push(below)
        if (drop) delete object[key]
      }
    }
  }
}
