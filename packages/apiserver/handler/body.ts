import { isUtf8 } from 'node:buffer'
import { ApiError } from '@thresher/api/error'
import { parseDocument } from 'yaml'
import type { ServerRequest } from '../request.ts'
import { parseProtobuf, protobufType } from './protobuf.ts'

/** Deeper nesting is refused before anything recursive sees it. */
const DEPTH = 256
/** A body with more aliases than this is taken for a bomb. */
const ALIASES = 100

const jsonType = 'application/json'

/** The media type of a body, in lower case without parameters; JSON when none is given. */
export function mediaType(header: string | string[] | undefined): string {
  const text = Array.isArray(header) ? header[0] : header
  if (!text) return jsonType
  const end = text.indexOf(';')
  return (end < 0 ? text : text.slice(0, end)).trim().toLowerCase()
}

/**
 * The body as a value of its own that may be changed; undefined without a body.
 *
 * @param accepted media types that this call takes. @throws {ApiError} UnsupportedMediaType for another; BadRequest when it cannot be read
 */
export function readBody(
  request: ServerRequest,
  accepted: readonly string[] = [jsonType, 'application/yaml'],
): unknown {
  // By way of JSON, so that an undefined field or a Date means what it would mean over HTTPS.
  if (request.object !== undefined) return JSON.parse(JSON.stringify(request.object))
  const { body } = request
  if (!body || body.length === 0) return undefined
  const type = mediaType(request.headers['content-type'])
  if (type === protobufType) return parseProtobuf(body)
  const known = type === 'text/yaml' || type === 'application/x-yaml' ? 'application/yaml' : type
  // Clients that name no type, or the one of HTML forms, mean JSON, as kubectl's raw mode and curl do.
  const effective = known === 'application/x-www-form-urlencoded' || known === '*/*' ? jsonType : known
  if (!accepted.includes(effective)) throw unsupported(accepted)
  return effective.endsWith('yaml') ? parseYaml(body) : parseJson(body)
}

/** The media type of a request's body is not among those that can be read here. */
export function unsupported(accepted: readonly string[]): ApiError {
  return new ApiError(
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`,
  )
}

/** Parse JSON that a client sent. @throws {ApiError} BadRequest */
function parseJson(body: Buffer): unknown {
  requireUtf8(body)
  requireShallow(body)
  let value: unknown
  try {
    value = JSON.parse(body.toString())
  } catch (error) {
    throw new ApiError('BadRequest', `the body is not valid JSON: ${(error as Error).message}`)
  }
  refuseProto(body, value)
  return value
}

/** Parse one YAML document, or JSON, which YAML includes. @throws {ApiError} BadRequest */
function parseYaml(body: Buffer): unknown {
  requireUtf8(body)
  const first = body.find((byte) => byte > 0x20)
  if (first === 0x7b || first === 0x5b) return parseJson(body)
  const text = body.toString()
  requireShallowYaml(text)
  try {
    const document = parseDocument(text, { schema: 'core', uniqueKeys: true, prettyErrors: true })
    if (document.errors.length > 0) throw document.errors[0]!
    const value: unknown = document.toJS({ maxAliasCount: ALIASES })
    // Through JSON, so that only JSON's kinds of values come out and nothing is shared between two places.
    const json = JSON.stringify(value ?? null)
    requireShallow(Buffer.from(json))
    const plain: unknown = JSON.parse(json)
    refuseProto(body, plain)
    return plain
  } catch (error) {
    if (error instanceof ApiError) throw error
    throw new ApiError('BadRequest', `the body is not valid YAML: ${(error as Error).message.split('\n')[0]}`)
  }
}

function requireUtf8(body: Buffer): void {
  if (!isUtf8(body)) throw new ApiError('BadRequest', 'the body is not valid UTF-8')
}

function tooDeep(): ApiError {
  return new ApiError('BadRequest', `the body is nested deeper than ${DEPTH} levels`)
}

/** Indentation and brackets bound the depth from above; the YAML parser recurses, so this comes first. */
function requireShallowYaml(text: string): void {
  let brackets = 0
  let dashes = 0
  for (const character of text) {
    if (character === '[' || character === '{') brackets += 1
  }
  for (const line of text.split('\n')) {
    const lead = /^[\s\-?:]*/.exec(line)![0].length
    dashes = Math.max(dashes, lead)
  }
  if (brackets > 5000 || dashes > DEPTH * 4) throw tooDeep()
}

function requireShallow(body: Buffer): void {
  let depth = 0
  let text = false
  for (let index = 0; index < body.length; index += 1) {
    const byte = body[index]!
    if (text) {
      if (byte === 0x5c) index += 1
      else if (byte === 0x22) text = false
    } else if (byte === 0x22) text = true
    else if (byte === 0x7b || byte === 0x5b) {
      depth += 1
      if (depth > DEPTH) throw tooDeep()
    } else if (byte === 0x7d || byte === 0x5d) depth -= 1
  }
}

/** A key `__proto__` means nothing in any kind, and code that copies fields could take it for the prototype. */
function refuseProto(body: Buffer, value: unknown): void {
  if (!body.includes('__proto__') && !body.includes('\\u005') && !body.includes('\\x5')) return
  const pending: unknown[] = [value]
  while (pending.length > 0) {
    const next = pending.pop()
    if (typeof next !== 'object' || next === null) continue
    if (Object.hasOwn(next, '__proto__')) {
      throw new ApiError('BadRequest', 'the body has a field named __proto__, which no object can have; remove it')
    }
    for (const inner of Object.values(next)) pending.push(inner)
  }
}
