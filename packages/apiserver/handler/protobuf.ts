import { ApiError } from '@thresher/api/error'

export const protobufType = 'application/vnd.kubernetes.protobuf'

/** A field of a message: its name, and what it holds. */
type Field = readonly [name: string, type: 'string' | 'strings' | 'integer' | 'boolean' | Message]
/** Fields by number. */
interface Message {
  readonly [number: number]: Field
}

const metadata: Message = { 1: ['name', 'string'], 2: ['generateName', 'string'], 3: ['namespace', 'string'] }
const resourceAttributes: Message = {
  1: ['namespace', 'string'],
  2: ['verb', 'string'],
  3: ['group', 'string'],
  4: ['version', 'string'],
  5: ['resource', 'string'],
  6: ['subresource', 'string'],
  7: ['name', 'string'],
}
const nonResourceAttributes: Message = { 1: ['path', 'string'], 2: ['verb', 'string'] }
const subjectSpec: Message = {
  1: ['resourceAttributes', resourceAttributes],
  2: ['nonResourceAttributes', nonResourceAttributes],
  3: ['user', 'string'],
  4: ['groups', 'strings'],
  6: ['uid', 'string'],
}
const deleteOptions: Message = {
  1: ['gracePeriodSeconds', 'integer'],
  2: ['preconditions', { 1: ['uid', 'string'], 2: ['resourceVersion', 'string'] }],
  3: ['orphanDependents', 'boolean'],
  4: ['propagationPolicy', 'string'],
  5: ['dryRun', 'strings'],
}
const boundObject: Message = {
  1: ['kind', 'string'],
  2: ['apiVersion', 'string'],
  3: ['name', 'string'],
  4: ['uid', 'string'],
}

/**
 * The few messages that kubectl sends as protobuf whatever the server says it takes.
 *
 * @see the generated.proto files of k8s.io/api authorization, authentication and policy, and of meta/v1
 */
const messages: Record<string, Message> = {
  SelfSubjectAccessReview: {
    1: ['metadata', metadata],
    2: ['spec', { 1: ['resourceAttributes', resourceAttributes], 2: ['nonResourceAttributes', nonResourceAttributes] }],
  },
  SelfSubjectRulesReview: { 1: ['metadata', metadata], 2: ['spec', { 1: ['namespace', 'string'] }] },
  SelfSubjectReview: { 1: ['metadata', metadata] },
  SubjectAccessReview: { 1: ['metadata', metadata], 2: ['spec', subjectSpec] },
  LocalSubjectAccessReview: { 1: ['metadata', metadata], 2: ['spec', subjectSpec] },
  TokenReview: { 1: ['metadata', metadata], 2: ['spec', { 1: ['token', 'string'], 2: ['audiences', 'strings'] }] },
  TokenRequest: {
    1: ['metadata', metadata],
    2: [
      'spec',
      { 1: ['audiences', 'strings'], 3: ['boundObjectRef', boundObject], 4: ['expirationSeconds', 'integer'] },
    ],
  },
  Eviction: { 1: ['metadata', metadata], 2: ['deleteOptions', deleteOptions] },
  DeleteOptions: deleteOptions,
}

/** `k8s` and a zero byte, before the envelope. */
const magic = Buffer.from([0x6b, 0x38, 0x73, 0])
const envelope: Message = { 1: ['typeMeta', { 1: ['apiVersion', 'string'], 2: ['kind', 'string'] }] }
const RAW_FIELD = 2

/**
 * Read a body in Kubernetes' protobuf form as the object that JSON would have given.
 *
 * @throws {ApiError} UnsupportedMediaType for other kinds than those of {@link messages}; BadRequest when damaged
 */
export function parseProtobuf(body: Buffer): Record<string, unknown> {
  try {
    if (!body.subarray(0, magic.length).equals(magic)) throw new RangeError('the magic number is missing')
    const unknown = body.subarray(magic.length)
    const { apiVersion, kind } = (decode(unknown, envelope).typeMeta ?? {}) as { apiVersion?: string; kind?: string }
    const message = kind !== undefined && Object.hasOwn(messages, kind) ? messages[kind] : undefined
    if (!message) {
      throw new ApiError(
        'UnsupportedMediaType',
        `${kind || 'this kind'} cannot be read as protobuf: send application/json`,
      )
    }
    const raw = [...fieldsOf(unknown)].find((field) => field.number === RAW_FIELD)?.bytes ?? Buffer.alloc(0)
    return { apiVersion, kind, ...decode(raw, message) }
  } catch (error) {
    if (error instanceof ApiError) throw error
    throw new ApiError('BadRequest', `the protobuf body is damaged: ${(error as Error).message}`)
  }
}

function decode(bytes: Buffer, message: Message): Record<string, unknown> {
  const result: Record<string, unknown> = {}
  for (const field of fieldsOf(bytes)) {
    const known = Object.hasOwn(message, field.number) ? message[field.number] : undefined
    if (!known) continue
    const [name, type] = known
    if (type === 'integer') result[name] = Number(BigInt.asIntN(64, field.value))
    else if (type === 'boolean') result[name] = field.value !== 0n
    else if (type === 'string') result[name] = field.bytes.toString()
    else if (type === 'strings') ((result[name] ??= []) as string[]).push(field.bytes.toString())
    else result[name] = decode(field.bytes, type)
  }
  return result
}

interface RawField {
  number: number
  value: bigint
  bytes: Buffer
}

const none = Buffer.alloc(0)

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
