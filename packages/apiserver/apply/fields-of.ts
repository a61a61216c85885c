import type { JsonSchema } from '@thresher/api/kind'
import { isObject, type JsonObject } from '../schema/clone.ts'
import { emptySet, isEmpty, leaf, node, type FieldSet } from './field-set.ts'
import { declaredField, elementsOf, fieldSchema, shapeOf } from './shape.ts'

/** The paths that an applied configuration claims: its leaves, and every item and map entry in it. */
export function fieldsOf(schema: JsonSchema | undefined, value: unknown): FieldSet {
  const shape = shapeOf(schema, value)
  if (shape === 'leaf') return leaf
  return shape === 'map' ? ofMap(schema, value as JsonObject) : ofList(schema, shape, value as unknown[])
}

function ofMap(schema: JsonSchema | undefined, value: JsonObject): FieldSet {
  const names = Object.keys(value)
  if (names.length === 0) return leaf
  const children = new Map<string, FieldSet>()
  for (const name of names) {
    const below = fieldsOf(fieldSchema(schema, name), value[name])
    const field = declaredField(schema, name) ? below : { ...below, member: true }
    if (!isEmpty(field)) children.set(`f:${name}`, field)
  }
  return node(false, children)
}

function ofList(schema: JsonSchema | undefined, shape: 'set' | 'keyed', items: unknown[]): FieldSet {
  const children = new Map<string, FieldSet>()
  for (const [element, item] of elementsOf(schema, shape, items)) {
    const below = isObject(item) && shape === 'keyed' ? fieldsOf(schema?.items, item) : emptySet
    children.set(element, { ...below, member: true })
  }
  return node(false, children)
}
