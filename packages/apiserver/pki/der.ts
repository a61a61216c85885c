/**
 * DER, as far as X.509 certificates and PKCS #10 requests need it.
 *
 * @see ITU-T X.690
 */

/** One value with its tag. `body` is the content without tag and length; `raw` is all of it. */
export interface DerNode {
  tag: number
  body: Uint8Array
  raw: Uint8Array
}

/** A value of this tag around the parts. */
export function der(tag: number, ...parts: Uint8Array[]): Uint8Array {
  const body = Buffer.concat(parts)
  return Buffer.concat([Buffer.from([tag]), lengthBytes(body.length), body])
}

export const sequence = (...parts: Uint8Array[]): Uint8Array => der(0x30, ...parts)
export const setOf = (...parts: Uint8Array[]): Uint8Array => der(0x31, ...parts)
export const octets = (bytes: Uint8Array): Uint8Array => der(0x04, bytes)
export const utf8 = (text: string): Uint8Array => der(0x0c, Buffer.from(text))
export const boolean = (value: boolean): Uint8Array => der(0x01, Buffer.from([value ? 0xff : 0]))
/** `[number]` around the parts: `EXPLICIT` tagging. */
export const explicit = (number: number, ...parts: Uint8Array[]): Uint8Array => der(0xa0 + number, ...parts)
/** Bits, the last `unused` of which do not count. */
export const bits = (bytes: Uint8Array, unused = 0): Uint8Array => der(0x03, Buffer.from([unused]), bytes)

/** A number that is not negative, given big-endian. */
export function integer(bytes: Uint8Array): Uint8Array {
  let start = 0
  while (start < bytes.length - 1 && bytes[start] === 0) start++
  const trimmed = bytes.subarray(start)
  return der(0x02, ...((trimmed[0] ?? 0) >= 0x80 ? [Buffer.from([0])] : []), trimmed)
}

/** An object identifier in dotted form. */
export function oid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const bytes: number[] = []
  for (const arc of [first * 40 + second, ...rest]) {
    const septets = [arc & 0x7f]
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128))
      septets.unshift((left & 0x7f) | 0x80)
    bytes.push(...septets)
  }
  return der(0x06, Buffer.from(bytes))
}

/** A point in time with whole seconds: UTCTime before 2050, GeneralizedTime after (RFC 5280 §4.1.2.5). */
export function time(date: Date): Uint8Array {
  const digits = date.toISOString().replace(/[-:T]|\.\d+/g, '')
  return date.getUTCFullYear() < 2050 ? der(0x17, Buffer.from(digits.slice(2))) : der(0x18, Buffer.from(digits))
}

/**
 * The values that stand one after the other in `bytes`.
 *
 * @throws {RangeError} when a length runs over the end or has more than four bytes
 */
export function readDer(bytes: Uint8Array): DerNode[] {
  const nodes: DerNode[] = []
  for (let at = 0; at < bytes.length;) {
    const start = at
    const tag = bytes[at++] as number
    let length = bytes[at++] ?? fail()
    if (length >= 0x80) {
      const count = length - 0x80
      if (count === 0 || count > 4) fail()
      length = 0
      for (let index = 0; index < count; index++) length = length * 256 + (bytes[at++] ?? fail())
    }
    if (at + length > bytes.length) fail()
    nodes.push({ tag, body: bytes.subarray(at, at + length), raw: bytes.subarray(start, at + length) })
    at += length
  }
  return nodes
}

/** The single value that `bytes` consist of. @throws {RangeError} when there are more or fewer */
export function readOneDer(bytes: Uint8Array): DerNode {
  const nodes = readDer(bytes)
  if (nodes.length !== 1) fail()
  return nodes[0] as DerNode
}

/** The bytes of a PEM block with this label. @throws {RangeError} when there is none */
export function fromPem(pem: string, label: string): Uint8Array {
  const match = new RegExp(`-----BEGIN ${label}-----([A-Za-z0-9+/=\\s]+)-----END ${label}-----`).exec(pem)
  if (!match?.[1]) throw new RangeError(`there is no PEM block "${label}"`)
  return Buffer.from(match[1], 'base64')
}

export function toPem(bytes: Uint8Array, label: string): string {
  const lines =
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}

function lengthBytes(length: number): Uint8Array {
  if (length < 0x80) return Buffer.from([length])
  const bytes: number[] = []
  for (let left = length; left > 0; left = Math.floor(left / 256)) bytes.unshift(left & 0xff)
  return Buffer.from([0x80 + bytes.length, ...bytes])
}

function fail(): never {
  throw new RangeError('the bytes are not DER: a length does not fit')
}
