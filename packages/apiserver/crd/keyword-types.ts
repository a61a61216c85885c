import type { FieldError } from '@thresher/api/error'
import { isObject, type JsonObject } from '../schema/clone.ts'
import { forbidden, invalid, maxErrors } from '../schema/field-error.ts'

const maxDepth = 100

const text = (value: unknown) => typeof value === 'string'
const flag = (value: unknown) => typeof value === 'boolean'
const number = (value: unknown) => typeof value === 'number'
const count = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0
const texts = (value: unknown) => Array.isArray(value) && value.every(text)
const flagOrNumber = (value: unknown) => flag(value) || number(value)

const plain: Record<string, [test: (value: unknown) => boolean, words: string]> = {
  type: [text, 'text'],
  format: [text, 'text'],
  title: [text, 'text'],
  description: [text, 'text'],
  pattern: [text, 'text'],
  nullable: [flag, 'a boolean'],
  uniqueItems: [flag, 'a boolean'],
  required: [texts, 'a list of field names'],
  enum: [Array.isArray, 'a list'],
  minimum: [number, 'a number'],
  maximum: [number, 'a number'],
  multipleOf: [(value) => number(value) && (value as number) > 0, 'a number above 0'],
  exclusiveMinimum: [flagOrNumber, 'a boolean'],
  exclusiveMaximum: [flagOrNumber, 'a boolean'],
  minLength: [count, 'a whole number of 0 or more'],
  maxLength: [count, 'a whole number of 0 or more'],
  minItems: [count, 'a whole number of 0 or more'],
  maxItems: [count, 'a whole number of 0 or more'],
  minProperties: [count, 'a whole number of 0 or more'],
  maxProperties: [count, 'a whole number of 0 or more'],
  'x-kubernetes-int-or-string': [flag, 'a boolean'],
  'x-kubernetes-preserve-unknown-fields': [flag, 'a boolean'],
  'x-kubernetes-embedded-resource': [flag, 'a boolean'],
  'x-kubernetes-list-type': [text, 'text'],
  'x-kubernetes-list-map-keys': [texts, 'a list of field names'],
  'x-kubernetes-map-type': [text, 'text'],
  'x-kubernetes-patch-strategy': [text, 'text'],
  'x-kubernetes-patch-merge-key': [text, 'text'],
  'x-kubernetes-validations': [Array.isArray, 'a list'],
}
const schemas = ['items', 'not']
const schemaLists = ['allOf', 'anyOf', 'oneOf']

/** Adds to `errors` every keyword of a schema whose value is of the wrong type, however deep; all other checks rely on these. */
export function checkKeywordTypes(schema: unknown, path: string, errors: FieldError[], depth = 0): void {
  if (errors.length >= maxErrors) return
  if (!isObject(schema)) {
    errors.push(invalid(path, schema, 'must be an object'))
    return
  }
  if (depth > maxDepth) {
    errors.push(forbidden(path, `the schema is nested deeper than ${maxDepth} levels`))
    return
  }
  for (const [keyword, value] of Object.entries(schema)) {
    const below = `${path}.${keyword}`
    const rule = Object.hasOwn(plain, keyword) ? plain[keyword] : undefined
    if (rule && !rule[0](value)) errors.push(invalid(below, value, `must be ${rule[1]}`))
    else if (schemas.includes(keyword)) checkKeywordTypes(value, below, errors, depth + 1)
    else if (keyword === 'additionalProperties' && !flag(value)) checkKeywordTypes(value, below, errors, depth + 1)
    else if (keyword === 'properties') checkProperties(value, below, errors, depth)
    else if (schemaLists.includes(keyword)) checkList(value, below, errors, depth)
  }
}

function checkProperties(value: unknown, path: string, errors: FieldError[], depth: number): void {
  if (!isObject(value)) {
    errors.push(invalid(path, value, 'must be an object'))
    return
  }
  for (const [name, field] of Object.entries(value as JsonObject)) {
    if (name === '__proto__') errors.push(forbidden(`${path}[${name}]`, 'no object can have a field of this name'))
    else checkKeywordTypes(field, `${path}[${name}]`, errors, depth + 1)
  }
}

function checkList(value: unknown, path: string, errors: FieldError[], depth: number): void {
  if (!Array.isArray(value)) errors.push(invalid(path, value, 'must be a list'))
  else for (const [index, part] of value.entries()) checkKeywordTypes(part, `${path}[${index}]`, errors, depth + 1)
}
