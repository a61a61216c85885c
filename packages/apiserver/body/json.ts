import { isUtf8 } from 'node:buffer'
import { ApiError } from '@thresher/api/error'
import { sizes } from '../limits/sizes.ts'

/** What one body may consist of. */
export interface BodyLimits {
  depth: number
  mapKeys: number
  listItems: number
  values: number
}

/** Parse JSON that a client sent, after its parts were counted. @throws {ApiError} BadRequest; RequestEntityTooLarge */
export function parseJson(body: Buffer, limits: BodyLimits = sizes): unknown {
  return parseCounted(body, limits, 0).value
}

/** The same for JSON that is part of a body, which has `before` values already. @returns how many it has with these */
export function parseCounted(body: Buffer, limits: BodyLimits, before: number): { value: unknown; values: number } {
  requireUtf8(body)
  const values = requireWithin(body, limits, before)
  let value: unknown
  try {
    value = JSON.parse(body.toString())
  } catch (error) {
    throw new ApiError('BadRequest', `the body is not valid JSON: ${(error as Error).message}`)
  }
  refuseProto(body, value)
  return { value, values }
}

/** @throws {ApiError} BadRequest */
export function requireUtf8(body: Buffer): void {
  if (!isUtf8(body)) throw new ApiError('BadRequest', 'the body is not valid UTF-8')
}

/** The refusal of a body with too many parts. */
export function tooMuch(what: string): ApiError {
  return new ApiError('RequestEntityTooLarge', `the body has ${what}; send less at once`)
}

/** The refusal of a body that is nested too deeply. */
export function tooDeep(depth: number): ApiError {
  return new ApiError('BadRequest', `the body is nested deeper than ${depth} levels`)
}

const quote = 0x22
const backslash = 0x5c
const comma = 0x2c
const openMap = 0x7b
const closeMap = 0x7d
const openList = 0x5b
const closeList = 0x5d

/** Count the values of a JSON text onto those before, and of each map and list in it, without building any. @throws {ApiError} */
function requireWithin(body: Buffer, limits: BodyLimits, before: number): number {
  /** Per open map or list: how many values it has so far; negative for maps, so that one list tells them apart. */
  const counts: number[] = []
  let values = before + 1
  for (let index = 0; index < body.length; index += 1) {
    const byte = body[index]!
    if (byte === quote) index = endOfText(body, index)
    else if (byte === comma) {
      const top = counts.length - 1
      if (top < 0) continue
      values += 1
      const count = (counts[top]! += counts[top]! < 0 ? -1 : 1)
      if (-count > limits.mapKeys) throw tooMuch(`a map of more than ${limits.mapKeys} keys`)
      if (count > limits.listItems) throw tooMuch(`a list of more than ${limits.listItems} items`)
      if (values > limits.values) throw tooMuch(`more than ${limits.values} values`)
    } else if (byte === openMap || byte === openList) {
      values += 1
      counts.push(byte === openMap ? -1 : 1)
      if (counts.length > limits.depth) throw tooDeep(limits.depth)
    } else if (byte === closeMap || byte === closeList) counts.pop()
  }
  if (values > limits.values) throw tooMuch(`more than ${limits.values} values`)
  return values
}

/** Where the text that opens at `start` closes. */
function endOfText(body: Buffer, start: number): number {
  let end = body.indexOf(quote, start + 1)
  while (end >= 0) {
    let first = end
    while (body[first - 1] === backslash && first - 1 > start) first -= 1
    if ((end - first) % 2 === 0) return end
    end = body.indexOf(quote, end + 1)
  }
  return body.length
}

/** A key `__proto__` means nothing in any kind, and code that copies fields could take it for the prototype. */
function refuseProto(body: Buffer, value: unknown): void {
  // As it stands, or with some of its letters written as \u escapes.
  if (!body.includes('__proto__') && !body.includes('\\u00')) return
  const pending: unknown[] = [value]
  while (pending.length > 0) {
    const next = pending.pop()
    if (typeof next !== 'object' || next === null) continue
    if (Object.hasOwn(next, '__proto__')) throw protoField()
    for (const inner of Object.values(next)) pending.push(inner)
  }
}

/** The refusal of a field `__proto__`. */
export function protoField(): ApiError {
  return new ApiError('BadRequest', 'the body has a field named __proto__, which no object can have; remove it')
}
