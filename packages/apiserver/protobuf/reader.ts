import { isUtf8 } from 'node:buffer'

/** How a field's value lies on the wire. */
export const wire = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const

const TWO_32 = 2 ** 32
/** Texts up to this length are put together here; for longer ones the call into the engine pays. */
const SHORT = 24

/**
 * Reads the fields of one protobuf message from a part of a buffer, without copying.
 *
 * One reader serves a whole body: {@link enter} goes into a message within, {@link leave} comes out of it.
 *
 * @see https://protobuf.dev/programming-guides/encoding/
 * @throws {RangeError} when the bytes are no message
 */
export class ProtobufReader {
  readonly #bytes: Buffer
  #at: number
  #end: number
  /** The upper half of the varint that was read last, whose lower half was returned. */
  #high = 0
  /** The number of the field that {@link next} came to. */
  field = 0
  /** Its wire type. */
  type = 0

  constructor(bytes: Buffer, start = 0, end = bytes.length) {
    this.#bytes = bytes
    this.#at = start
    this.#end = end
  }

  /** Go to the next field of the message. @returns false at its end */
  next(): boolean {
    if (this.#at >= this.#end) return false
    const key = this.unsigned()
    this.field = Math.floor(key / 8)
    this.type = key % 8
    if (this.field === 0) throw new RangeError('a field has the number 0')
    return true
  }

  /** Whether nothing of the message is left. */
  get ended(): boolean {
    return this.#at >= this.#end
  }

  /** Go into the message that the field holds. @returns what {@link leave} takes */
  enter(): number {
    const size = this.#size()
    const start = this.#take(size)
    const outer = this.#end
    this.#at = start
    this.#end = start + size
    return outer
  }

  /** Go on behind the message. */
  leave(outer: number): void {
    this.#at = this.#end
    this.#end = outer
  }

  /** A varint as a number of 0 or more; beyond 2^53 it is rounded. */
  unsigned(): number {
    const first = this.#bytes[this.#at]!
    if (first < 0x80 && this.#at < this.#end) {
      this.#at += 1
      return first
    }
    const low = this.#varint()
    return this.#high * TWO_32 + low
  }

  /** A varint as int32 or int64: ten bytes are a number below 0. Beyond 2^53 it is rounded, as in JSON. */
  signed(): number {
    const low = this.#varint()
    return (this.#high | 0) * TWO_32 + low
  }

  bool(): boolean {
    return this.#varint() !== 0 || this.#high !== 0
  }

  double(): number {
    return this.#bytes.readDoubleLE(this.#take(8))
  }

  /** The field's bytes, shared with the buffer. */
  bytes(): Buffer {
    const size = this.#size()
    const start = this.#take(size)
    return this.#bytes.subarray(start, start + size)
  }

  /** The field's bytes in base64. */
  base64(): string {
    const size = this.#size()
    const start = this.#take(size)
    return size === 0 ? '' : this.#bytes.toString('base64', start, start + size)
  }

  /** @throws {RangeError} when the bytes are not UTF-8 */
  text(): string {
    const size = this.#size()
    const start = this.#take(size)
    if (size <= SHORT) {
      const short = this.#ascii(start, start + size)
      if (short !== undefined) return short
    }
    const text = this.#bytes.toString('utf8', start, start + size)
    // What is not UTF-8 decodes to this mark, which may also stand in a text.
    if (text.includes('\uFFFD') && !isUtf8(this.#bytes.subarray(start, start + size)))
      throw new RangeError('a text is not UTF-8')
    return text
  }

  /** Pass over the field. */
  skip(): void {
    if (this.type === wire.varint) this.#varint()
    else if (this.type === wire.bytes) this.#take(this.#size())
    else if (this.type === wire.fixed64 || this.type === wire.fixed32) this.#take(this.type === wire.fixed64 ? 8 : 4)
    else throw new RangeError(`there is no wire type ${this.type}`)
  }

  /** @throws {RangeError} when the field has another wire type */
  require(type: number): void {
    if (this.type !== type) throw new RangeError(`field ${this.field} has the wire type ${this.type}, not ${type}`)
  }

  #ascii(start: number, end: number): string | undefined {
    let text = ''
    for (let at = start; at < end; at += 1) {
      const byte = this.#bytes[at]!
      if (byte >= 0x80) return undefined
      text += String.fromCharCode(byte)
    }
    return text
  }

  #size(): number {
    this.require(wire.bytes)
    return this.unsigned()
  }

  #take(size: number): number {
    const start = this.#at
    if (size > this.#end - start) throw new RangeError('a field does not fit')
    this.#at = start + size
    return start
  }

  /** @returns the lower 32 bits of a varint; the upper ones are left in `#high` */
  #varint(): number {
    let low = 0
    let high = 0
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.#at >= this.#end) throw new RangeError('it ends too early')
      const byte = this.#bytes[this.#at++]!
      const seven = byte & 0x7f
      if (shift < 28) low |= seven << shift
      else if (shift === 28) {
        low |= (seven & 0x0f) << 28
        high |= seven >> 4
      } else if (shift < 63) high |= seven << (shift - 32)
      else high |= (seven & 1) << 31
      if (byte < 0x80) {
        this.#high = high >>> 0
        return low >>> 0
      }
    }
    throw new RangeError('a number is too long')
  }
}
