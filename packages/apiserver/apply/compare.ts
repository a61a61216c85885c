import type { JsonSchema } from '@thresher/api/kind'
import { compareQuantities, isQuantity } from '@thresher/api/quantity'
import { deepEqual, getOwn, isObject } from '../schema/clone.ts'
import { emptySet, isEmpty, leaf, node, type FieldSet } from './field-set.ts'
import { elementsOf, fieldSchema, shapeOf, type Shape } from './shape.ts'

/** Which paths one value has beyond the other, lacks, or has with another value. */
export interface Comparison {
  added: FieldSet
  modified: FieldSet
  removed: FieldSet
}

const same: Comparison = Object.freeze({ added: emptySet, modified: emptySet, removed: emptySet })

/** Whether nothing differs. */
export function isSame({ added, modified, removed }: Comparison): boolean {
  return isEmpty(added) && isEmpty(modified) && isEmpty(removed)
}

/** What changed from one value to another; undefined is an absent value, and null counts as absent. */
export function compare(schema: JsonSchema | undefined, before: unknown, after: unknown): Comparison {
  if (before === after) return same
  const [was, is] = [before ?? undefined, after ?? undefined]
  if (was === undefined && is === undefined) return same
  const shape = shapeOf(schema, is ?? was)
  const changed = was !== undefined && is !== undefined && shapeOf(schema, was) !== shape
  if (shape === 'leaf' || changed || (isHollow(was) && isHollow(is))) return compareLeaf(schema, was, is)
  const inner = shape === 'map' ? compareMaps(schema, was, is) : compareLists(schema, shape, was, is)
  if (was === undefined) return { ...inner, added: { ...inner.added, member: true } }
  return is === undefined ? { ...inner, removed: { ...inner.removed, member: true } } : inner
}

function isHollow(value: unknown): boolean {
  if (value === undefined) return true
  return Array.isArray(value) ? value.length === 0 : isObject(value) && Object.keys(value).length === 0
}

function compareLeaf(schema: JsonSchema | undefined, was: unknown, is: unknown): Comparison {
  if (was === undefined) return { ...same, added: leaf }
  if (is === undefined) return { ...same, removed: leaf }
  return deepEqual(was, is) || sameAmount(schema, was, is) ? same : { ...same, modified: leaf }
}

/** Whether both are the same quantity, however written: `1` and `"1"`, `1Gi` and `1024Mi`. */
export function sameAmount(schema: JsonSchema | undefined, a: unknown, b: unknown): boolean {
  if (schema?.format !== 'quantity' || !isQuantity(a) || !isQuantity(b)) return false
  return compareQuantities(a, b) === 0
}

function compareMaps(schema: JsonSchema | undefined, was: unknown, is: unknown): Comparison {
  const [left, right] = [isObject(was) ? was : {}, isObject(is) ? is : {}]
  const parts = new Parts()
  for (const name of Object.keys(left))
    parts.add(`f:${name}`, compare(fieldSchema(schema, name), left[name], getOwn(right, name)))
  for (const name of Object.keys(right))
    if (!Object.hasOwn(left, name)) parts.add(`f:${name}`, compare(fieldSchema(schema, name), undefined, right[name]))
  return parts.together()
}

function compareLists(schema: JsonSchema | undefined, shape: Shape, was: unknown, is: unknown): Comparison {
  const [left, right] = [elementsOf(schema, shape, was), elementsOf(schema, shape, is)]
  const parts = new Parts()
  for (const [element, item] of left) parts.add(element, compare(schema?.items, item, right.get(element)))
  for (const [element, item] of right)
    if (!left.has(element)) parts.add(element, compare(schema?.items, undefined, item))
  return parts.together()
}

/** Comparisons of the parts of a value, put together. */
class Parts {
  readonly #added = new Map<string, FieldSet>()
  readonly #modified = new Map<string, FieldSet>()
  readonly #removed = new Map<string, FieldSet>()

  add(element: string, part: Comparison): void {
    if (part === same) return
    if (!isEmpty(part.added)) this.#added.set(element, part.added)
    if (!isEmpty(part.modified)) this.#modified.set(element, part.modified)
    if (!isEmpty(part.removed)) this.#removed.set(element, part.removed)
  }

  together(): Comparison {
    if (this.#added.size + this.#modified.size + this.#removed.size === 0) return same
    return {
      added: node(false, this.#added),
      modified: node(false, this.#modified),
      removed: node(false, this.#removed),
    }
  }
}
