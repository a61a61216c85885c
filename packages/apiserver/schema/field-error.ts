import type { FieldError } from '@thresher/api/error'

/** No answer lists more: a list of a million wrong items must not become a million messages. */
export const maxErrors = 100
const maxShown = 1024

/** A value as Kubernetes shows it in a message: text in quotes, all else as JSON; long ones are cut. */
function show(value: unknown): string {
  const written = JSON.stringify(value) ?? 'null'
  return written.length > maxShown ? `${written.slice(0, maxShown)}…` : written
}

/** A field that must be there and is not. */
export function required(field: string, detail = ''): FieldError {
  return { field, reason: 'FieldValueRequired', message: `Required value${detail && `: ${detail}`}` }
}

/** A value that breaks a rule; `detail` says which. */
export function invalid(field: string, value: unknown, detail: string): FieldError {
  return { field, reason: 'FieldValueInvalid', message: `Invalid value: ${show(value)}: ${detail}` }
}

/** A value of the wrong JSON type; Kubernetes shows the type's name where the value would stand. */
export function typeInvalid(field: string, value: unknown, wanted: string): FieldError {
  const name = jsonType(value)
  return {
    field,
    reason: 'FieldValueTypeInvalid',
    message: `Invalid value: ${JSON.stringify(name)}: ${field} in body must be of type ${wanted}: ${JSON.stringify(name)}`,
  }
}

function jsonType(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return typeof value
}

/** A value outside a closed list. */
export function notSupported(field: string, value: unknown, supported: unknown[]): FieldError {
  return {
    field,
    reason: 'FieldValueNotSupported',
    message: `Unsupported value: ${show(value)}: supported values: ${supported.map(show).join(', ')}`,
  }
}

/** A second item with a value or key that must be unique. */
export function duplicate(field: string, value: unknown): FieldError {
  return { field, reason: 'FieldValueDuplicate', message: `Duplicate value: ${show(value)}` }
}

/** Text above its length limit. */
export function tooLong(field: string, most: number): FieldError {
  return { field, reason: 'FieldValueTooLong', message: `Too long: may not be more than ${most} bytes` }
}

/** A list or map with more entries than it may have. */
export function tooMany(field: string, count: number, most: number): FieldError {
  return { field, reason: 'FieldValueInvalid', message: `Too many: ${count}: must have at most ${most} items` }
}

/** A value that may not be there, or not be changed. */
export function forbidden(field: string, detail: string): FieldError {
  return { field, reason: 'FieldValueForbidden', message: `Forbidden: ${detail}` }
}
