import type { Static, TSchema } from 'typebox'
import type { JsonSchema } from './kind.ts'

/** Where a value is not what its schema says: a JSON pointer and a few words. */
export interface Mismatch {
  path: string
  message: string
}

/** Whether a value from outside (a program's reply, a file) is what a schema of {@link Type} says. */
export function matches<S extends TSchema>(schema: S, value: unknown): value is Static<S> {
  return mismatches(schema, value).length === 0
}

/** All differences between a value and its schema. Knows the keywords that {@link Type}'s builders are used with. */
export function mismatches(schema: TSchema, value: unknown): Mismatch[] {
  return [...differences(schema as JsonSchema, value, '')]
}

function* differences(schema: JsonSchema, value: unknown, path: string): Iterable<Mismatch> {
  if (schema.nullable && value === null) return
  const { type } = schema
  if (type !== undefined && !isOfType(type, value)) return yield { path, message: `must be ${type}` }
  if (schema.enum && !schema.enum.includes(value))
    return yield { path, message: `must be one of ${schema.enum.join(', ')}` }
  if (schema.const !== undefined && schema.const !== value)
    return yield { path, message: `must be ${JSON.stringify(schema.const)}` }
  if (typeof value === 'string') yield* textDifferences(schema, value, path)
  else if (typeof value === 'number') yield* numberDifferences(schema, value, path)
  else if (Array.isArray(value)) yield* listDifferences(schema, value, path)
  else if (typeof value === 'object' && value !== null)
    yield* objectDifferences(schema, value as Record<string, unknown>, path)
}

function isOfType(type: string, value: unknown): boolean {
  switch (type) {
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value)
    case 'array':
      return Array.isArray(value)
    case 'integer':
      return Number.isInteger(value)
    case 'number':
      return Number.isFinite(value)
    default:
      return typeof value === type
  }
}

function* textDifferences({ minLength, maxLength, pattern }: JsonSchema, value: string, path: string) {
  if (minLength !== undefined && value.length < minLength)
    yield { path, message: `must have ${minLength} or more characters` }
  if (maxLength !== undefined && value.length > maxLength)
    yield { path, message: `must have ${maxLength} or fewer characters` }
  if (pattern !== undefined && !new RegExp(pattern, 'u').test(value)) yield { path, message: `must match ${pattern}` }
}

function* numberDifferences({ minimum, maximum }: JsonSchema, value: number, path: string) {
  if (minimum !== undefined && value < minimum) yield { path, message: `must be ${minimum} or more` }
  if (maximum !== undefined && value > maximum) yield { path, message: `must be ${maximum} or less` }
}

function* listDifferences({ items, minItems, maxItems }: JsonSchema, value: unknown[], path: string) {
  if (minItems !== undefined && value.length < minItems) yield { path, message: `must have ${minItems} or more items` }
  if (maxItems !== undefined && value.length > maxItems) yield { path, message: `must have ${maxItems} or fewer items` }
  if (items) for (const [index, item] of value.entries()) yield* differences(items, item, `${path}/${index}`)
}

function* objectDifferences(schema: JsonSchema, value: Record<string, unknown>, path: string): Iterable<Mismatch> {
  const { required = [], properties = {}, patternProperties = {}, additionalProperties } = schema
  for (const name of required)
    if (!Object.hasOwn(value, name) || value[name] === undefined)
      yield { path: `${path}/${name}`, message: 'is missing' }
  for (const [name, field] of Object.entries(value)) {
    if (field === undefined) continue
    const at = `${path}/${name}`
    const declared = Object.hasOwn(properties, name) ? properties[name] : undefined
    const patterns = Object.keys(patternProperties).filter((pattern) => new RegExp(pattern, 'u').test(name))
    if (declared) yield* differences(declared, field, at)
    for (const pattern of patterns) yield* differences(patternProperties[pattern]!, field, at)
    if (declared || patterns.length > 0) continue
    if (additionalProperties === false) yield { path: at, message: 'is not a known field' }
    else if (typeof additionalProperties === 'object') yield* differences(additionalProperties, field, at)
  }
}
