import type { FieldError } from '@thresher/api/error'
import type { JsonSchema } from '@thresher/api/kind'
import { deepEqual, isObject, type JsonObject } from './clone.ts'
import { invalid, maxErrors, notSupported, required, tooLong, tooMany, typeInvalid } from './field-error.ts'
import { formats } from './formats.ts'
import { compileListType } from './list-type.ts'
import { compilePattern } from './pattern.ts'
import { fieldsOf, mapValues } from './shape.ts'

/** Kubernetes' own words. @see apimachinery `resource.ErrFormatWrong` */
const quantityWords = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"

/** Adds what is wrong with a value to `errors`. */
export type Validator = (value: unknown, path: string, errors: FieldError[]) => void

/** What checks values against a schema; undefined where the schema accepts everything. */
export function compileValidator(schema: JsonSchema): Validator | undefined {
  const type = compileType(schema)
  const parts = [
    compileEnum(schema),
    compileText(schema),
    compileNumber(schema),
    compileList(schema),
    compileObject(schema),
    ...compileLogic(schema),
  ].filter((part) => part !== undefined)
  if (!type && parts.length === 0) return undefined
  const nullable = schema.nullable === true
  return (value, path, errors) => {
    if (errors.length >= maxErrors || value === undefined || (value === null && nullable)) return
    if (type && !type(value)) {
      errors.push(typeInvalid(path, value, typeName(schema)))
      return
    }
    for (const part of parts) part(value, path, errors)
  }
}

function typeName(schema: JsonSchema): string {
  if (schema['x-kubernetes-int-or-string']) return 'integer or string'
  return schema.format === 'quantity' ? 'quantity' : (schema.type ?? '')
}

const isInteger = (value: unknown) => typeof value === 'number' && Number.isInteger(value)

function compileType(schema: JsonSchema): ((value: unknown) => boolean) | undefined {
  if (schema['x-kubernetes-int-or-string']) return (value) => typeof value === 'string' || isInteger(value)
  // Kubernetes takes a bare number for a quantity and stores it as text.
  if (schema.format === 'quantity') return (value) => typeof value === 'string' || typeof value === 'number'
  switch (schema.type) {
    case 'string':
      return (value) => typeof value === 'string'
    case 'integer':
      return isInteger
    case 'number':
      return (value) => typeof value === 'number'
    case 'boolean':
      return (value) => typeof value === 'boolean'
    case 'array':
      return Array.isArray
    case 'object':
      return isObject
    default:
      return undefined
  }
}

function compileEnum(schema: JsonSchema): Validator | undefined {
  const allowed = schema.const === undefined ? schema.enum : [schema.const]
  if (!allowed) return undefined
  const plain = new Set(allowed)
  return (value, path, errors) => {
    if (!plain.has(value) && !allowed.some((one) => deepEqual(one, value)))
      errors.push(notSupported(path, value, allowed))
  }
}

function compileText(schema: JsonSchema): Validator | undefined {
  const { minLength, maxLength, pattern, format } = schema
  const matches = pattern === undefined ? undefined : compilePattern(pattern)
  const known = format === undefined ? undefined : formats.get(format)
  if (minLength === undefined && maxLength === undefined && !matches && !known) return undefined
  return (value, path, errors) => {
    if (typeof value === 'string') {
      if (minLength !== undefined && codePoints(value, minLength) < minLength)
        errors.push(invalid(path, value, `${path} in body should be at least ${minLength} chars long`))
      if (maxLength !== undefined && value.length > maxLength && codePoints(value, Infinity) > maxLength)
        errors.push(tooLong(path, maxLength))
      if (matches && !matches.test(value))
        errors.push(invalid(path, value, `${path} in body should match '${pattern}'`))
    }
    if (known && !known(value) && (typeof value !== 'string' || value !== '' || format !== 'date-time'))
      errors.push(
        invalid(
          path,
          value,
          format === 'quantity' ? quantityWords : `${path} in body must be of type ${format}: ${JSON.stringify(value)}`,
        ),
      )
  }
}

/** Characters, not UTF-16 units; exact only below `enough`. */
function codePoints(text: string, enough: number): number {
  if (text.length >= enough * 2) return text.length
  let count = 0
  for (const _ of text) count++
  return count
}

function compileNumber(schema: JsonSchema): Validator | undefined {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema
  const above = typeof exclusiveMinimum === 'number' ? exclusiveMinimum : exclusiveMinimum ? minimum : undefined
  const below = typeof exclusiveMaximum === 'number' ? exclusiveMaximum : exclusiveMaximum ? maximum : undefined
  const rules: [(value: number) => boolean, string][] = []
  if (above !== undefined) rules.push([(value) => value > above, `greater than ${above}`])
  else if (minimum !== undefined) rules.push([(value) => value >= minimum, `greater than or equal to ${minimum}`])
  if (below !== undefined) rules.push([(value) => value < below, `less than ${below}`])
  else if (maximum !== undefined) rules.push([(value) => value <= maximum, `less than or equal to ${maximum}`])
  if (multipleOf) rules.push([(value) => isMultiple(value, multipleOf), `a multiple of ${multipleOf}`])
  if (rules.length === 0) return undefined
  return (value, path, errors) => {
    if (typeof value !== 'number') return
    for (const [holds, words] of rules)
      if (!holds(value)) errors.push(invalid(path, value, `${path} in body should be ${words}`))
  }
}

function isMultiple(value: number, of: number): boolean {
  const times = value / of
  return Math.abs(times - Math.round(times)) < 1e-9
}

function compileList(schema: JsonSchema): Validator | undefined {
  const { minItems, maxItems } = schema
  const item = schema.items ? compileValidator(schema.items) : undefined
  const distinct = compileListType(schema)
  if (minItems === undefined && maxItems === undefined && !item && !distinct) return undefined
  return (value, path, errors) => {
    if (!Array.isArray(value)) return
    if (minItems !== undefined && value.length < minItems)
      errors.push(invalid(path, value.length, `${path} in body should have at least ${minItems} items`))
    if (maxItems !== undefined && value.length > maxItems) errors.push(tooMany(path, value.length, maxItems))
    if (item)
      for (let i = 0; i < value.length && errors.length < maxErrors; i++) item(value[i], `${path}[${i}]`, errors)
    distinct?.(value, path, errors)
  }
}

function compileObject(schema: JsonSchema): Validator | undefined {
  const fields = fieldsOf(schema) ?? {}
  const checks = Object.entries(fields).flatMap(([name, field]) => {
    const check = compileValidator(field)
    return check ? [[name, check] as const] : []
  })
  const values = mapValues(schema)
  const value = values ? compileValidator(values) : undefined
  const needed = schema['x-kubernetes-embedded-resource']
    ? [...(schema.required ?? []), 'apiVersion', 'kind']
    : (schema.required ?? [])
  const { minProperties, maxProperties } = schema
  const counted = minProperties !== undefined || maxProperties !== undefined
  if (checks.length === 0 && !value && needed.length === 0 && !counted) return undefined
  return (object, path, errors) => {
    if (!isObject(object)) return
    const prefix = path === '' ? '' : `${path}.`
    for (const name of needed) {
      if (!Object.hasOwn(object, name) || object[name] === undefined) errors.push(required(prefix + name))
    }
    for (const [name, check] of checks) {
      if (Object.hasOwn(object, name)) check(object[name], prefix + name, errors)
    }
    if (value) {
      for (const key of Object.keys(object)) if (!Object.hasOwn(fields, key)) value(object[key], prefix + key, errors)
    }
    if (counted) checkCount(object, path, minProperties, maxProperties, errors)
  }
}

function checkCount(object: JsonObject, path: string, least = 0, most = Infinity, errors: FieldError[]): void {
  const count = Object.keys(object).length
  if (count < least) errors.push(invalid(path, count, `${path} in body should have at least ${least} properties`))
  if (count > most) errors.push(tooMany(path, count, most))
}

/** allOf, anyOf, oneOf and not. */
function compileLogic(schema: JsonSchema): Validator[] {
  const logic: Validator[] = []
  for (const part of schema.allOf ?? []) {
    const check = compileValidator(part)
    if (check) logic.push(check)
  }
  const { anyOf, oneOf, not } = schema
  if (anyOf) {
    const checks = anyOf.map(compileValidator)
    logic.push((value, path, errors) => {
      if (!checks.some((check) => passes(check, value)))
        errors.push(invalid(path, value, `${JSON.stringify(path)} must validate at least one schema (anyOf)`))
    })
  }
  if (oneOf) {
    const checks = oneOf.map(compileValidator)
    logic.push((value, path, errors) => {
      const found = checks.filter((check) => passes(check, value)).length
      if (found !== 1)
        errors.push(
          invalid(
            path,
            value,
            `${JSON.stringify(path)} must validate one and only one schema (oneOf). ${found === 0 ? 'Found none valid' : `Found ${found} valid alternatives`}`,
          ),
        )
    })
  }
  if (not) {
    const check = compileValidator(not)
    logic.push((value, path, errors) => {
      if (passes(check, value))
        errors.push(invalid(path, value, `${JSON.stringify(path)} must not validate the schema (not)`))
    })
  }
  return logic
}

function passes(check: Validator | undefined, value: unknown): boolean {
  const errors: FieldError[] = []
  check?.(value, '', errors)
  return errors.length === 0
}
