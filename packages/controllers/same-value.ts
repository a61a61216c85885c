import { isDeepStrictEqual } from 'node:util'

/** Whether two parts of objects are the same on the wire, where a field that is undefined is not there. */
export function sameValue(a: unknown, b: unknown): boolean {
  return a === b || isDeepStrictEqual(withoutUndefined(a), withoutUndefined(b))
}

function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, part]) => (part === undefined ? [] : [[name, withoutUndefined(part)]])),
  )
}
