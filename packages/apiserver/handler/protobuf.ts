import { ApiError } from '@thresher/api/error'
import { messages, type FieldType, type Message } from './protobuf-messages.ts'

export const protobufType = 'application/vnd.kubernetes.protobuf'

/** `k8s` and a zero byte, before the envelope. */
const magic = Buffer.from([0x6b, 0x38, 0x73, 0])
const RAW_FIELD = 2
/** Messages within messages; those that kubectl sends have less than ten. */
const DEPTH = 16

/**
 * Read a body in Kubernetes' protobuf form as the object that JSON would have given.
 *
 * @throws {ApiError} UnsupportedMediaType for other kinds and fields than those of {@link messages}; BadRequest when damaged
 */
export function parseProtobuf(body: Buffer): Record<string, unknown> {
  try {
    if (!body.subarray(0, magic.length).equals(magic)) throw new RangeError('the magic number is missing')
    const envelope = [...fieldsOf(body.subarray(magic.length))]
    const typeMeta = envelope.find((field) => field.number === 1)?.bytes ?? none
    const raw = envelope.find((field) => field.number === RAW_FIELD)?.bytes ?? none
    const { apiVersion, kind } = decode(typeMeta, { 1: ['apiVersion', 'string'], 2: ['kind', 'string'] }, '', 0)
    const name = typeof kind === 'string' ? kind : ''
    const message = Object.hasOwn(messages, name) ? messages[name] : undefined
    if (!message) throw unreadable(name || 'this kind')
    return { apiVersion, kind, ...decode(raw, message, name, 0) }
  } catch (error) {
    if (error instanceof ApiError) throw error
    throw new ApiError('BadRequest', `the protobuf body is damaged: ${(error as Error).message}`)
  }
}

/** What is not understood is never left out in silence. */
function unreadable(what: string): ApiError {
  return new ApiError('UnsupportedMediaType', `${what} cannot be read as protobuf: send application/json`)
}

function decode(bytes: Buffer, message: Message, path: string, depth: number): Record<string, unknown> {
  if (depth > DEPTH) throw new RangeError('it is nested too deep')
  const result: Record<string, unknown> = {}
  for (const field of fieldsOf(bytes)) {
    const known = Object.hasOwn(message, field.number) ? message[field.number] : undefined
    if (known) put(result, field, known[0], known[1], `${path}.${known[0]}`, depth)
    else if (field.value !== 0n || field.bytes.length > 0) throw unreadable(`field ${field.number} of ${path}`)
  }
  return result
}

function put(
  result: Record<string, unknown>,
  field: RawField,
  name: string,
  type: FieldType,
  path: string,
  depth: number,
): void {
  const text = () => utf8(field.bytes)
  if (typeof type === 'object') {
    if ('map' in type) return putPair((result[name] ??= {}) as Record<string, unknown>, field.bytes, type.map, path)
    if ('list' in type) {
      ;((result[name] ??= []) as unknown[]).push(decode(field.bytes, type.list as Message, path, depth + 1))
      return
    }
    if ('inline' in type) {
      Object.assign(result, decode(field.bytes, type.inline as Message, path, depth + 1))
      return
    }
    const inner = decode(field.bytes, type as Message, path, depth + 1)
    if (Object.keys(inner).length > 0 || name === 'metadata') result[name] = inner
    return
  }
  switch (type) {
    case 'string':
      if (field.bytes.length > 0) result[name] = text()
      return
    case 'strings':
      ;((result[name] ??= []) as string[]).push(text())
      return
    case 'integer':
    case 'count':
      if (type === 'integer' || field.value !== 0n) result[name] = Number(BigInt.asIntN(64, field.value))
      return
    case 'boolean':
    case 'flag':
      if (type === 'boolean' || field.value !== 0n) result[name] = field.value !== 0n
      return
    case 'quantity':
      result[name] = quantity(field.bytes)
      return
    case 'int-or-string':
      result[name] = intOrString(field.bytes)
      return
    default:
  }
}

function putPair(
  target: Record<string, unknown>,
  bytes: Buffer,
  type: 'string' | 'bytes' | 'quantity',
  path: string,
): void {
  let key = ''
  let value: Buffer = none
  for (const field of fieldsOf(bytes)) {
    if (field.number === 1) key = utf8(field.bytes)
    else value = field.bytes
  }
  if (key === '__proto__')
    throw new ApiError('BadRequest', `${path} has a key __proto__, which no object can have; remove it`)
  target[key] = type === 'string' ? utf8(value) : type === 'bytes' ? value.toString('base64') : quantity(value)
}

function quantity(bytes: Buffer): string {
  const { text } = decode(bytes, { 1: ['text', 'string'] }, 'quantity', 0) as { text?: string }
  return text ?? '0'
}

function intOrString(bytes: Buffer): number | string {
  const { type, number, text } = decode(
    bytes,
    { 1: ['type', 'integer'], 2: ['number', 'integer'], 3: ['text', 'string'] },
    'intOrString',
    0,
  ) as { type?: number; number?: number; text?: string }
  return type === 1 ? (text ?? '') : (number ?? 0)
}

function utf8(bytes: Buffer): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
}

interface RawField {
  number: number
  value: bigint
  bytes: Buffer
}

const none: Buffer = Buffer.alloc(0)

/** @see https://protobuf.dev/programming-guides/encoding/ */
function* fieldsOf(bytes: Buffer): Iterable<RawField> {
  let offset = 0
  const varint = (): bigint => {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[offset++]
      if (byte === undefined) throw new RangeError('it ends too early')
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    throw new RangeError('a number is too long')
  }
  while (offset < bytes.length) {
    const key = Number(varint())
    const number = Math.floor(key / 8)
    const wire = key & 7
    if (wire === 0) yield { number, value: varint(), bytes: none }
    else {
      const length = wire === 2 ? Number(varint()) : wire === 1 ? 8 : wire === 5 ? 4 : -1
      if (length < 0 || offset + length > bytes.length) throw new RangeError('a field does not fit')
      yield { number, value: 0n, bytes: bytes.subarray(offset, offset + length) }
      offset += length
    }
  }
}
