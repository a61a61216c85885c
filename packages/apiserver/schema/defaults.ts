import type { JsonSchema } from '@thresher/api/kind'
import { deepClone, isObject, type JsonObject } from './clone.ts'
import { fieldsOf, mapValues } from './shape.ts'

/** Fills the defaults of one schema into a value, in place. */
export type Defaulter = (value: unknown) => void

/**
 * What fills a schema's defaults in, in place; undefined where the schema has nothing to fill.
 *
 * As Kubernetes does, a null in a field that is not nullable counts as absent: it is dropped or takes the default.
 */
export function compileDefaults(schema: JsonSchema): Defaulter | undefined {
  const fields = fieldsOf(schema)
  const object = fields ? fieldDefaults(fields) : undefined
  const values = mapValues(schema)
  const map = values ? mapDefaults(values, fields) : undefined
  const item = schema.items ? compileDefaults(schema.items) : undefined
  if (!object && !map && !item) return undefined
  return (value) => {
    if (Array.isArray(value)) {
      if (item) for (const one of value) item(one)
    } else if (isObject(value)) {
      object?.(value)
      map?.(value)
    }
  }
}

function fieldDefaults(fields: Record<string, JsonSchema>): (object: JsonObject) => void {
  const steps = Object.entries(fields).map(([name, schema]) => {
    const inner = compileDefaults(schema)
    const nullable = acceptsNull(schema)
    const fallback = schema.default
    return (object: JsonObject) => {
      const value = Object.hasOwn(object, name) ? object[name] : undefined
      if (value === undefined || (value === null && !nullable)) {
        if (fallback === undefined) {
          if (value === null) delete object[name]
          return
        }
        object[name] = deepClone(fallback)
      }
      inner?.(object[name])
    }
  })
  return (object) => {
    for (const step of steps) step(object)
  }
}

function mapDefaults(schema: JsonSchema, fields: Record<string, JsonSchema> | undefined) {
  const inner = compileDefaults(schema)
  const nullable = acceptsNull(schema)
  const fallback = schema.default
  return (object: JsonObject) => {
    for (const key of Object.keys(object)) {
      if (fields && Object.hasOwn(fields, key)) continue
      if (object[key] === null && !nullable) {
        if (fallback === undefined) {
          delete object[key]
          continue
        }
        object[key] = deepClone(fallback)
      }
      inner?.(object[key])
    }
  }
}

/** A schema without a type takes any value, null too. */
function acceptsNull(schema: JsonSchema): boolean {
  return schema.nullable === true || (schema.type === undefined && !schema['x-kubernetes-int-or-string'])
}
