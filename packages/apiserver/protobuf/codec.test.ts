import type { JsonSchema, Kind } from '@thresher/api/kind'
import { kinds } from '@thresher/api/kinds'
import { messageOf } from '@thresher/api/protobuf/kinds'
import type { MessageField, MessageType } from '@thresher/api/protobuf/messages'
import { describe, expect, test } from 'vitest'
import { encodeEvent, encodeList, encodeObject, parseProtobuf } from './envelope.ts'

const rounds = 40
const builtIn = kinds.filter((kind) => messageOf(kind.apiVersion, kind.kind) !== undefined)

/** Numbers from 0 to 1, the same at every run. @see Mulberry32 */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A value of a field, drawn from its message alone: zeros and empty ones are as likely as others. */
function draw(field: MessageField, next: () => number, depth: number): unknown {
  const pick = <T>(...from: T[]) => from[Math.floor(next() * from.length)]!
  if (field.shape === 'list') return Array.from({ length: Math.floor(next() * 3) }, () => drawOne(field, next, depth))
  if (field.shape !== 'map') return drawOne(field, next, depth)
  const pairs = Array.from({ length: Math.floor(next() * 3) }, () => [
    pick('', 'a', 'x/y', 'ü'),
    drawOne(field, next, depth),
  ])
  return Object.fromEntries(pairs) as unknown
}

function drawOne(field: MessageField, next: () => number, depth: number): unknown {
  const pick = <T>(...from: T[]) => from[Math.floor(next() * from.length)]!
  if (field.type === 'JSONSchemaPropsOrBool' && next() < 0.5) return next() < 0.5
  if (field.type === 'JSONSchemaPropsOrArray' || field.type === 'JSONSchemaPropsOrBool')
    return drawMessage(field.message!.byNumber[field.type.endsWith('Bool') ? 2 : 1]!.message!, next, depth + 1)
  if (field.type === 'JSONSchemaPropsOrStringArray') return ['a', 'b']
  if (field.message) return drawMessage(field.message, next, depth + 1)
  switch (field.type) {
    case 'string':
      return pick('', 'a', 'ein längerer Text, der mehr als hundertachtundzwanzig Bytes braucht '.repeat(3), '😀')
    case 'bool':
      return next() < 0.5
    case 'int32':
      return pick(0, 1, -1, 127, 128, 2 ** 31 - 1, -(2 ** 31))
    case 'int64':
      return pick(0, 1, -1, 2 ** 35, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER)
    case 'double':
      return pick(0, 0.5, -1e300)
    case 'bytes':
      return Buffer.from(pick('', 'a', 'zero\0')).toString('base64')
    case 'Time':
      return pick('2026-01-31T12:00:00Z', '1969-12-31T23:59:59Z')
    case 'MicroTime':
      return pick('2026-01-31T12:00:00.000000Z', '2026-01-31T12:00:00.123456Z')
    case 'Quantity':
      return pick('0', '500m', '1Gi')
    case 'IntOrString':
      return pick<string | number>(0, 80, '', '25%', 'http')
    case 'ExtraValue':
      return pick([], ['a'], ['a', ''])
    default:
      return pick<unknown>({}, { 'f:spec': { '.': {} } }, { apiVersion: 'v1', list: [1, null, 'x'] })
  }
}

function drawMessage(message: MessageType, next: () => number, depth: number): Record<string, unknown> {
  const object: Record<string, unknown> = {}
  const chance = depth < 3 ? 0.6 : depth < 9 ? 0.25 : 0
  for (const field of message.fields) {
    if (field.shape === 'inline') Object.assign(object, drawMessage(field.message!, next, depth))
    else if (next() < chance) object[field.name] = draw(field, next, depth)
  }
  return object
}

/** What protobuf cannot tell from nothing: empty lists and maps, and plain values that are empty or zero. */
function lean(message: MessageType, object: Record<string, unknown>): Record<string, unknown> {
  const result: Record<string, unknown> = {}
  for (const field of message.fields) {
    if (field.shape === 'inline') {
      Object.assign(result, lean(field.message!, object))
      continue
    }
    const value = object[field.name]
    if (value === undefined) continue
    if (field.shape === 'list') {
      const items = (value as unknown[]).map((item) => leanOne(field, item))
      if (items.length > 0) result[field.name] = items
    } else if (field.shape === 'map') {
      const pairs = Object.entries(value as object).map(([key, inner]) => [key, leanOne(field, inner)])
      if (pairs.length > 0) result[field.name] = Object.fromEntries(pairs)
    } else {
      const inner = leanOne(field, value)
      const empty = isPlainObject(inner) ? Object.keys(inner).length === 0 : !inner
      if (field.presence !== 'set' || !empty) result[field.name] = inner
    }
  }
  return result
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function leanOne(field: MessageField, value: unknown): unknown {
  if (!field.message || !isPlainObject(value)) return value
  const inner = field.type.startsWith('JSONSchemaPropsOr')
    ? field.message.fields.find(({ name }) => name === 'schema')!.message!
    : field.message
  return lean(inner, value)
}

const encode = (kind: Pick<Kind, 'apiVersion' | 'kind'>, object: Record<string, unknown>) =>
  encodeObject(messageOf(kind.apiVersion, kind.kind)!, kind.apiVersion, kind.kind, object)

describe('objects of a kind', () => {
  test.each(builtIn.map((kind) => [`${kind.apiVersion} ${kind.kind}`, kind] as const))(
    '%s come back from protobuf as they went in, zeros that were set among them',
    (_, { apiVersion, kind }) => {
      const message = messageOf(apiVersion, kind)!
      const next = random(kind.length * 7919 + apiVersion.length)
      for (let round = 0; round < rounds; round += 1) {
        const object = drawMessage(message, next, 0)
        const sent = JSON.parse(JSON.stringify(object)) as Record<string, unknown>
        expect(parseProtobuf(encode({ apiVersion, kind }, sent))).toEqual({
          apiVersion,
          kind,
          ...lean(message, object),
        })
      }
    },
  )

  test('keep every default that the server fills in', () => {
    for (const kind of builtIn) {
      const object = { metadata: { name: 'a' }, ...defaultsOf(kind.schema) }
      const { apiVersion: _version, kind: _kind, ...read } = parseProtobuf(encode(kind, object))
      expect(read, kind.kind).toEqual(lean(messageOf(kind.apiVersion, kind.kind)!, object))
    }
  })
})

/** An object of nothing but a schema's defaults. */
function defaultsOf(schema: JsonSchema): Record<string, unknown> {
  const object: Record<string, unknown> = {}
  for (const [name, inner] of Object.entries(schema.properties ?? {})) {
    if (inner.default !== undefined && typeof inner.default !== 'object') object[name] = inner.default
    else if (inner.properties && name !== 'metadata') {
      const deeper = defaultsOf(inner)
      if (Object.keys(deeper).length > 0) object[name] = deeper
    }
  }
  return object
}

describe('bytes worked out by hand', () => {
  const hex = (...parts: string[]) => Buffer.from(parts.join('').replaceAll(' ', ''), 'hex')
  const text = (value: string) => Buffer.from(value).toString('hex')
  test('of a Lease: the envelope, a pointer to zero, a time with microseconds', () => {
    const spec = hex(
      `0a01${text('a')}`, // holderIdentity
      '1000', // leaseDurationSeconds 0, a pointer
      '1a0b 08c0ddf7cb06 108094ef3a', // acquireTime: seconds and nanoseconds since 1970
      '28 ffffffffffffffffff01', // leaseTransitions -1
    )
    const metadata = hex(`0a01${text('l')}`)
    const raw = Buffer.concat([hex('0a03'), metadata, hex('12'), Buffer.from([spec.length]), spec])
    const type = hex(`0a16${text('coordination.k8s.io/v1')}`, `1205${text('Lease')}`)
    const envelope = Buffer.concat([
      hex('6b387300', '0a'),
      Buffer.from([type.length]),
      type,
      hex('12'),
      Buffer.from([raw.length]),
      raw,
      hex('1a00', '2200'),
    ])
    const object = {
      metadata: { name: 'l' },
      spec: {
        holderIdentity: 'a',
        leaseDurationSeconds: 0,
        acquireTime: '2026-01-31T12:00:00.123456Z',
        leaseTransitions: -1,
      },
    }
    expect(parseProtobuf(envelope)).toEqual({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', ...object })
  })

  test('of a Secret: binary values, a map, and what the server writes', () => {
    const pair = hex(`0a01${text('k')}`, '1202 00ff')
    const raw = Buffer.concat([
      hex(`0a03 0a01${text('s')}`, '12'),
      Buffer.from([pair.length]),
      pair,
      hex(`1a06${text('Opaque')}`),
    ])
    const expected = Buffer.concat([
      hex('6b387300', `0a0c 0a02${text('v1')} 1206${text('Secret')}`, '12'),
      Buffer.from([raw.length]),
      raw,
      hex('1a00', '2200'),
    ])
    const object = { metadata: { name: 's' }, data: { k: 'AP8=' }, type: 'Opaque' }
    expect(encode({ apiVersion: 'v1', kind: 'Secret' }, object).toString('hex')).toBe(expected.toString('hex'))
    expect(parseProtobuf(expected)).toEqual({ apiVersion: 'v1', kind: 'Secret', ...object })
  })

  test('of an event of a watch: its length in four bytes, no envelope around the event, one around the object', () => {
    expect(encodeEvent('ADDED', Buffer.from('obj')).toString('hex')).toBe(
      `0000000e0a05${text('ADDED')}1205 0a03${text('obj')}`.replace(' ', ''),
    )
  })

  test('of a list: its metadata first, then each item without a type', () => {
    const message = messageOf('v1', 'Namespace')!
    const bytes = encodeList(message, 'v1', 'Namespace', { resourceVersion: '7' }, [{ metadata: { name: 'a' } }])
    expect(bytes.toString('hex')).toBe(
      `6b387300 0a13 0a02${text('v1')} 120d${text('NamespaceList')} 120c 0a03 1201${text('7')} 1205 0a03 0a01${text('a')} 1a00 2200`.replaceAll(
        ' ',
        '',
      ),
    )
  })
})

describe('hostile bytes', () => {
  const header = encode({ apiVersion: 'v1', kind: 'Pod' }, {}).subarray(0, 17)
  const wrap = (raw: Buffer) => {
    const size: number[] = []
    for (let rest = raw.length; ; rest = Math.floor(rest / 128)) {
      size.push((rest % 128) | (rest >= 128 ? 128 : 0))
      if (rest < 128) break
    }
    return Buffer.concat([header, Buffer.from([0x12, ...size]), raw])
  }

  test('of a list that is too long, or of more values than a body may have, are refused', () => {
    const many = Buffer.alloc(2 * 10_001, Buffer.from([0x12, 0x00]))
    const spec = Buffer.concat([Buffer.from([0x12, 0xa2, 0x9c, 0x01]), many])
    expect(() => parseProtobuf(wrap(spec))).toThrow(expect.objectContaining({ code: 413 }) as Error)
    const flags = Buffer.alloc(300_000, Buffer.from([0x58, 0x01]))
    const flagged = Buffer.concat([Buffer.from([0x12, 0xe0, 0xa7, 0x12]), flags])
    expect(() => parseProtobuf(wrap(flagged))).toThrow(expect.objectContaining({ code: 413 }) as Error)
  })

  test('of a map with too many keys are refused, and of JSON in many fields that is too much together', () => {
    const data = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v']))
    const configMap = (object: Record<string, unknown>) => encode({ apiVersion: 'v1', kind: 'ConfigMap' }, object)
    expect(parseProtobuf(configMap({ data: data(5000) }))['data']).toEqual(data(5000))
    expect(() => parseProtobuf(configMap({ data: data(5001) }))).toThrow(
      expect.objectContaining({ code: 413 }) as Error,
    )
    const managed = (count: number) => {
      const fieldsV1 = { 'f:a': Array.from({ length: 9000 }, () => 1) }
      return configMap({ metadata: { managedFields: Array.from({ length: count }, () => ({ fieldsV1 })) } })
    }
    expect(parseProtobuf(managed(6))['metadata']).toHaveProperty('managedFields.length', 6)
    expect(() => parseProtobuf(managed(7))).toThrow(expect.objectContaining({ code: 413 }) as Error)
  })

  test('which only say that a field is empty do not use up what a body may have', () => {
    const empty = Buffer.alloc(2 * 100_000, Buffer.from([0x0a, 0x00]))
    expect(parseProtobuf(wrap(Buffer.concat([Buffer.from([0x0a, 0xc0, 0x9a, 0x0c]), empty])))).toMatchObject({
      kind: 'Pod',
    })
  })

  test('of any other kind are refused as damaged, or read, and never take long', () => {
    const next = random(7)
    const good = encode({ apiVersion: 'v1', kind: 'Pod' }, drawMessage(messageOf('v1', 'Pod')!, next, 0))
    for (let round = 0; round < 2000; round += 1) {
      const bytes = Buffer.from(good)
      for (let change = 0; change < 3; change += 1)
        bytes[17 + Math.floor(next() * (bytes.length - 17))] = Math.floor(next() * 256)
      try {
        parseProtobuf(bytes)
      } catch (error) {
        expect([400, 413, 415]).toContain((error as { code?: number }).code)
      }
    }
  })
})
