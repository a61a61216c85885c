import { ApiError } from '@thresher/api/error'

/** One field of a message: its kind, and the schema of a message inside. */
type Field =
  | { name: string; type: 'string' | 'strings' | 'number' }
  | { name: string; type: 'message'; fields: Fields }
  | { name: string; type: 'map' }
type Fields = Record<number, Field>

const text = (name: string): Field => ({ name, type: 'string' })
const texts = (name: string): Field => ({ name, type: 'strings' })
const message = (name: string, fields: Fields): Field => ({ name, type: 'message', fields })

const resourceAttributes = message('resourceAttributes', {
  1: text('namespace'),
  2: text('verb'),
  3: text('group'),
  4: text('version'),
  5: text('resource'),
  6: text('subresource'),
  7: text('name'),
})
const nonResourceAttributes = message('nonResourceAttributes', { 1: text('path'), 2: text('verb') })
const subject: Fields = {
  1: resourceAttributes,
  2: nonResourceAttributes,
  3: text('user'),
  4: texts('groups'),
  5: { name: 'extra', type: 'map' },
  6: text('uid'),
}

/** The specs of the kinds that clients post as protobuf only. @see Kubernetes `k8s.io/api/{authentication,authorization}/v1/generated.proto` */
const specs: Record<string, Fields | undefined> = {
  SelfSubjectAccessReview: { 1: resourceAttributes, 2: nonResourceAttributes },
  SubjectAccessReview: subject,
  LocalSubjectAccessReview: subject,
  SelfSubjectRulesReview: { 1: text('namespace') },
  SelfSubjectReview: {},
  TokenReview: { 1: text('token'), 2: texts('audiences') },
  TokenRequest: {
    1: texts('audiences'),
    3: message('boundObjectRef', { 1: text('kind'), 2: text('apiVersion'), 3: text('name'), 4: text('uid') }),
    4: { name: 'expirationSeconds', type: 'number' },
  },
}
const metadata: Fields = { 1: text('name'), 2: text('generateName'), 3: text('namespace') }
const magic = Buffer.from('k8s\0', 'latin1')

/** The media type of these bodies. */
export const protobufType = 'application/vnd.kubernetes.protobuf'

/**
 * Read a review or token request that a client sent as protobuf.
 *
 * @throws {ApiError} UnsupportedMediaType for another kind, so that the client sends JSON; BadRequest when it is not well formed
 */
export function decodeReview(body: Uint8Array): Record<string, unknown> {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  if (!bytes.subarray(0, 4).equals(magic)) throw broken()
  const envelope = read(bytes.subarray(4), {
    1: message('type', { 1: text('apiVersion'), 2: text('kind') }),
    2: text('raw'),
  })
  const type = (envelope.type ?? {}) as { apiVersion?: string; kind?: string }
  const spec = Object.hasOwn(specs, type.kind ?? '') ? specs[type.kind ?? ''] : undefined
  if (!spec)
    throw new ApiError(
      'UnsupportedMediaType',
      `send ${type.kind || 'this kind'} as application/json or application/yaml; as protobuf it is not read here`,
    )
  const raw = fieldsOf(bytes.subarray(4)).find((field) => field.number === 2)?.bytes ?? Buffer.alloc(0)
  const object = read(raw, { 1: message('metadata', metadata), 2: message('spec', spec) })
  return { ...type, metadata: {}, spec: {}, ...object }
}

function read(bytes: Buffer, fields: Fields): Record<string, unknown> {
  const result: Record<string, unknown> = {}
  for (const { number, bytes: content, varint } of fieldsOf(bytes)) {
    const field = fields[number]
    if (!field) continue
    if (field.type === 'number') {
      if (varint !== undefined) result[field.name] = varint
      continue
    }
    if (!content) throw broken()
    if (field.type === 'message') result[field.name] = read(content, field.fields)
    else if (field.type === 'string') result[field.name] = content.toString('utf8')
    else if (field.type === 'strings')
      result[field.name] = [...((result[field.name] as string[] | undefined) ?? []), content.toString('utf8')]
    else {
      const entry = read(content, { 1: text('key'), 2: message('value', { 1: texts('items') }) })
      const map = (result[field.name] ??= Object.create(null)) as Record<string, string[]>
      map[String(entry.key ?? '')] = (entry.value as { items?: string[] } | undefined)?.items ?? []
    }
  }
  return result
}

interface WireField {
  number: number
  /** Of a length-delimited field. */
  bytes?: Buffer
  varint?: number
}

function fieldsOf(bytes: Buffer): WireField[] {
  const fields: WireField[] = []
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = bytes[at++]
      if (byte === undefined) throw broken()
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
    throw broken()
  }
  while (at < bytes.length) {
    const tag = varint()
    const number = Math.floor(tag / 8)
    const wire = tag % 8
    if (wire === 0) fields.push({ number, varint: varint() })
    else if (wire === 2) {
      const length = varint()
      if (at + length > bytes.length) throw broken()
      fields.push({ number, bytes: bytes.subarray(at, at + length) })
      at += length
    } else if (wire === 1 || wire === 5) at += wire === 1 ? 8 : 4
    else throw broken()
  }
  return fields
}

function broken(): ApiError {
  return new ApiError('BadRequest', 'the body is not protobuf as Kubernetes sends it')
}
