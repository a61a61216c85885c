/** A text found in an object, and the field where it stands. */
export interface FieldValue<T = string> {
  field: string
  value: T
}

type Values = Readonly<Record<string, unknown>>

const isValues = (value: unknown): value is Values =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * What stands at a path of an object that may have any form: templates hold parts that no schema has seen.
 *
 * @param path names parted by dots; `[]` behind a name goes through a list's items
 */
export function valuesAt(object: unknown, path: string, field = ''): FieldValue<unknown>[] {
  if (path === '') return object === undefined || object === null ? [] : [{ field, value: object }]
  const [step = '', ...rest] = path.split('.')
  const name = step.replace(/\[\]$/, '')
  if (!isValues(object) || !Object.hasOwn(object, name)) return []
  const below = field ? `${field}.${name}` : name
  const next = object[name]
  if (name === step) return valuesAt(next, rest.join('.'), below)
  return Array.isArray(next) ? next.flatMap((item, at) => valuesAt(item, rest.join('.'), `${below}[${at}]`)) : []
}

/** The texts at a path that are not empty. */
export function textsAt(object: unknown, path: string): FieldValue[] {
  return valuesAt(object, path).flatMap(({ field, value }) =>
    typeof value === 'string' && value !== '' ? [{ field, value }] : [],
  )
}

/** A text that is a direct member of a value; empty without one. */
export function textOf(value: unknown, name: string): string {
  const text = isValues(value) && Object.hasOwn(value, name) ? value[name] : undefined
  return typeof text === 'string' ? text : ''
}
