import type { CostForm, CostRequest } from './cost-search.ts'

const repeat = <T>(n: number, make: (index: number) => T): T[] => Array.from({ length: n }, (_, index) => make(index))

/** A creation of a ConfigMap that is this message. */
const protobuf = (raw: Buffer): CostRequest => {
  const typeMeta = Buffer.concat([field(1, Buffer.from('v1')), field(2, Buffer.from('ConfigMap'))])
  const body = Buffer.concat([Buffer.from('k8s\0'), field(1, typeMeta), field(2, raw)])
  const headers = { 'content-type': 'application/vnd.kubernetes.protobuf' }
  return {
    method: 'POST',
    path: '/api/v1/namespaces/default/configmaps',
    query: new URLSearchParams('dryRun=All'),
    headers,
    body,
  }
}

/** A length-delimited field. @see https://protobuf.dev/programming-guides/encoding/ */
function field(number: number, bytes: Buffer): Buffer {
  const head = [(number << 3) | 2]
  let length = bytes.length
  for (; length > 127; length >>>= 7) head.push((length & 127) | 128)
  return Buffer.concat([Buffer.from([...head, length]), bytes])
}

const entry = (key: string) => Buffer.concat([field(1, Buffer.from(key)), field(2, Buffer.from('v'))])

/** Bodies in protobuf: the smallest messages, as many as fit. */
export const protobufForms: readonly CostForm[] = [
  {
    name: 'protobuf: data',
    most: 200_000,
    request: (n) => protobuf(Buffer.concat(repeat(n, (i) => field(2, entry(`k${i}`))))),
  },
  {
    name: 'protobuf: finalizers',
    most: 200_000,
    request: (n) => protobuf(field(1, Buffer.concat(repeat(n, (i) => field(14, Buffer.from(`a.b/${i}`)))))),
  },
  {
    name: 'protobuf: empty fields',
    most: 1_400_000,
    request: (n) => protobuf(Buffer.alloc(n * 2, Buffer.from([(1 << 3) | 2, 0]))),
  },
  {
    name: 'protobuf: messages in messages',
    most: 1000,
    request: (n) => protobuf(repeat(n, () => 0).reduce<Buffer>((inner) => field(1, inner), Buffer.alloc(0))),
  },
]
