import type { JsonSchema } from '@thresher/api/kind'
import { deepClone, getOwn, isObject, setOwn, type JsonObject } from '../schema/clone.ts'
import { sameAmount } from './compare.ts'
import { elementsOf, fieldSchema, keyElement, shapeOf, valueElement } from './shape.ts'

/**
 * What the live value becomes with an applied configuration laid over it: maps merge field by field, keyed and set
 * lists item by item, all else is replaced.
 *
 * @returns a new value that shares nothing with either
 */
export function merge(schema: JsonSchema | undefined, live: unknown, applied: unknown): unknown {
  if (applied === undefined) return deepClone(live)
  const shape = shapeOf(schema, applied)
  if (shape === 'map') return mergeMaps(schema, isObject(live) ? live : {}, applied as JsonObject)
  if (sameAmount(schema, live, applied)) return live
  if (shape === 'leaf' || !Array.isArray(live)) return deepClone(applied)
  return mergeLists(schema!, shape, live, applied as unknown[])
}

function mergeMaps(schema: JsonSchema | undefined, live: JsonObject, applied: JsonObject): JsonObject {
  const result: JsonObject = {}
  for (const name of Object.keys(live))
    setOwn(result, name, merge(fieldSchema(schema, name), live[name], getOwn(applied, name)))
  for (const name of Object.keys(applied))
    if (!Object.hasOwn(live, name)) setOwn(result, name, merge(fieldSchema(schema, name), undefined, applied[name]))
  return result
}

/** Items of the configuration come in its order; items that only the live list has keep their place between them. */
function mergeLists(schema: JsonSchema, shape: 'set' | 'keyed', live: unknown[], applied: unknown[]): unknown[] {
  const elementOf = (item: unknown) => (shape === 'set' ? valueElement(item) : keyElement(schema, item))
  const old = elementsOf(schema, shape, live)
  const wanted = elementsOf(schema, shape, applied)
  const order = [...wanted.keys()]
  const rank = new Map(order.map((element, index) => [element, index]))
  const result: unknown[] = []
  let next = 0
  const take = () => {
    const element = order[next++]!
    result.push(merge(schema.items, old.get(element), wanted.get(element)))
  }
  for (const item of live) {
    const element = elementOf(item)
    const place = element === undefined ? undefined : rank.get(element)
    if (place === undefined) result.push(deepClone(item))
    else while (next <= place) take()
  }
  while (next < order.length) take()
  return result
}
