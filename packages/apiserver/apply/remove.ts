import type { JsonSchema } from '@thresher/api/kind'
import { isObject, type JsonObject } from '../schema/clone.ts'
import { emptySet, type FieldSet } from './field-set.ts'
import { declaredField, fieldSchema, keyElement, shapeOf, valueElement } from './shape.ts'

/**
 * Take out of a merged value, in place, what a manager applied last time and nobody owns any longer.
 *
 * A map or list that loses its last part goes too.
 *
 * @param last what the manager owned before
 * @param owned what anybody owns now
 */
export function removeUnowned(schema: JsonSchema | undefined, value: unknown, last: FieldSet, owned: FieldSet): void {
  if (!last.children) return
  const shape = shapeOf(schema, value)
  if (shape === 'map') removeFields(schema, value as JsonObject, last, owned)
  else if (shape !== 'leaf') removeItems(schema!, shape, value as unknown[], last, owned)
}

function removeFields(schema: JsonSchema | undefined, value: JsonObject, last: FieldSet, owned: FieldSet): void {
  for (const [element, was] of last.children ?? []) {
    const name = element.slice(2)
    if (!element.startsWith('f:') || !Object.hasOwn(value, name)) continue
    const now = owned.children?.get(element)
    const stays = now !== undefined && (now.member || declaredField(schema, name) !== undefined)
    if ((was.member && !stays) || emptied(fieldSchema(schema, name), value[name], was, now)) delete value[name]
  }
}

function removeItems(
  schema: JsonSchema,
  shape: 'set' | 'keyed',
  items: unknown[],
  last: FieldSet,
  owned: FieldSet,
): void {
  const kept = items.filter((item) => {
    const element = shape === 'set' ? valueElement(item) : keyElement(schema, item)
    const was = element === undefined ? undefined : last.children?.get(element)
    if (!was) return true
    const now = owned.children?.get(element!)
    if (was.member && !now?.member) return false
    removeUnowned(schema.items, item, was, now ?? emptySet)
    return true
  })
  items.splice(0, items.length, ...kept)
}

/** Remove below a value that stays. @returns whether that left nothing of it */
function emptied(schema: JsonSchema | undefined, value: unknown, was: FieldSet, now: FieldSet | undefined): boolean {
  const before = sizeOf(value)
  removeUnowned(schema, value, was, now ?? emptySet)
  return before > 0 && sizeOf(value) === 0 && !now?.member
}

function sizeOf(value: unknown): number {
  if (Array.isArray(value)) return value.length
  return isObject(value) ? Object.keys(value).length : 0
}
