import { sizes } from '../limits/sizes.ts'
import type { CostForm, CostRequest } from './cost-search.ts'

const repeat = <T>(n: number, make: (index: number) => T): T[] => Array.from({ length: n }, (_, index) => make(index))

/** A creation of an object that is this message. */
function protobuf(raw: Buffer, apiVersion = 'v1', kind = 'ConfigMap', path = configMaps): CostRequest {
  const typeMeta = Buffer.concat([field(1, Buffer.from(apiVersion)), field(2, Buffer.from(kind))])
  const body = Buffer.concat([Buffer.from('k8s\0'), field(1, typeMeta), field(2, raw)])
  const headers = { 'content-type': 'application/vnd.kubernetes.protobuf' }
  return { method: 'POST', path, query: new URLSearchParams('dryRun=All'), headers, body }
}

const configMaps = '/api/v1/namespaces/default/configmaps'
const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'

/** A definition whose schema has `n` times `not` within another. */
function nested(n: number): CostRequest {
  const schema = repeat(n, () => 28).reduce<Buffer>((inner, number) => field(number, inner), Buffer.alloc(0))
  const raw = [1, 4, 7, 2].reduce<Buffer>((inner, number) => field(number, inner), schema)
  return protobuf(raw, 'apiextensions.k8s.io/v1', 'CustomResourceDefinition', definitions)
}

/** A length-delimited field. @see https://protobuf.dev/programming-guides/encoding/ */
function field(number: number, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([...varint((number << 3) | 2), ...varint(bytes.length)]), bytes])
}

function varint(value: number): number[] {
  return value > 127 ? [(value & 127) | 128, ...varint(value >>> 7)] : [value]
}

const entry = (key: string) => Buffer.concat([field(1, Buffer.from(key)), field(2, Buffer.from('v'))])

/** A length-delimited field of no bytes, and one of one byte. */
const emptyField = (number: number, n: number) => Buffer.alloc(n * 2, Buffer.from([(number << 3) | 2, 0]))
const shortField = (number: number, n: number) => Buffer.alloc(n * 3, Buffer.from([(number << 3) | 2, 1, 0x61]))

const json = (text: string) => field(17, field(7, field(1, Buffer.from(text))))
const lists = (n: number) => `{"f:a":[${repeat(Math.ceil(n / 5000), () => `[${'1,'.repeat(4999)}1]`).join(',')}]}`

/**
 * Bodies in protobuf: the smallest parts, as many as are let in, and as many as fit, which are refused on the way.
 * Every field that the decoder reads in a loop of its own has a form here.
 */
export const protobufForms: readonly CostForm[] = [
  ...[sizes.mapKeys, 200_000].map((most) => ({
    name: `protobuf: ${most} keys`,
    most,
    request: (n: number) => protobuf(Buffer.concat(repeat(n, (i) => field(2, entry(`k${i}`))))),
  })),
  ...[sizes.listItems, 190_000].map((most) => ({
    name: `protobuf: ${most} finalizers`,
    most,
    request: (n: number) => protobuf(field(1, Buffer.concat(repeat(n, (i) => field(14, Buffer.from(`a.b/${i}`)))))),
  })),
  ...[sizes.protobufFields - 8, 1_400_000].flatMap((most) => [
    { name: `protobuf: ${most} empty messages`, most, request: (n: number) => protobuf(emptyField(1, n)) },
    { name: `protobuf: ${most} empty names`, most, request: (n: number) => protobuf(field(1, emptyField(1, n))) },
    { name: `protobuf: ${most} empty times`, most, request: (n: number) => protobuf(field(1, emptyField(8, n))) },
    { name: `protobuf: ${most} unknown fields`, most, request: (n: number) => protobuf(emptyField(15, n)) },
    { name: `protobuf: ${most} values of a key`, most, request: (n: number) => protobuf(field(2, emptyField(2, n))) },
    { name: `protobuf: ${most} bytes of a key`, most, request: (n: number) => protobuf(field(3, emptyField(2, n))) },
  ]),
  ...[sizes.values - 8, 900_000].flatMap((most) => [
    { name: `protobuf: ${most} names`, most, request: (n: number) => protobuf(field(1, shortField(1, n))) },
    { name: `protobuf: ${most} short bytes`, most, request: (n: number) => protobuf(field(3, shortField(2, n))) },
  ]),
  {
    name: 'protobuf: times',
    most: sizes.values - 8,
    request: (n) => protobuf(field(1, Buffer.alloc(n * 4, Buffer.from([(8 << 3) | 2, 2, 8, 1])))),
  },
  {
    name: 'protobuf: JSON in a field',
    most: sizes.values - 5000,
    request: (n) => protobuf(field(1, json(lists(n)))),
  },
  {
    name: 'protobuf: JSON in many fields',
    most: 25,
    request: (n) => protobuf(field(1, Buffer.concat(repeat(n, () => json(lists(50_000)))))),
  },
  {
    name: 'protobuf: JSON of nothing in many fields',
    most: sizes.listItems,
    request: (n) => protobuf(field(1, Buffer.concat(repeat(n, () => json('{}'))))),
  },
  {
    name: 'protobuf: envelopes of types',
    most: 1_400_000,
    request: (n) => ({ ...protobuf(Buffer.alloc(0)), body: Buffer.concat([Buffer.from('k8s\0'), emptyField(1, n)]) }),
  },
  { name: 'protobuf: messages in messages', most: 200, request: nested },
  { name: 'protobuf: too many messages in messages', most: 2000, request: nested },
]
