import { isAscii, isUtf8 } from 'node:buffer'

/** How a field's value lies on the wire. */
export const wire = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const

const TWO_32 = 2 ** 32

/**
 * Reads the fields of one protobuf message from a part of a buffer, without copying.
 *
 * @see https://protobuf.dev/programming-guides/encoding/
 * @throws {RangeError} when the bytes are no message
 */
export class ProtobufReader {
  readonly #bytes: Buffer
  readonly #end: number
  #at: number
  /** The number of the field that {@link next} came to. */
  field = 0
  /** Its wire type. */
  type = 0

  constructor(bytes: Buffer, start = 0, end = bytes.length) {
    this.#bytes = bytes
    this.#at = start
    this.#end = end
  }

  /** Go to the next field. @returns false at the end */
  next(): boolean {
    if (this.#at >= this.#end) return false
    const key = this.unsigned()
    this.field = Math.floor(key / 8)
    this.type = key % 8
    if (this.field === 0) throw new RangeError('a field has the number 0')
    return true
  }

  /** A varint as a number of 0 or more; beyond 2^53 it is rounded. */
  unsigned(): number {
    const { low, high } = this.#halves()
    return high * TWO_32 + low
  }

  /** A varint as int32 or int64: ten bytes are a number below 0. Beyond 2^53 it is rounded, as in JSON. */
  signed(): number {
    const { low, high } = this.#halves()
    return (high | 0) * TWO_32 + low
  }

  bool(): boolean {
    const { low, high } = this.#halves()
    return low !== 0 || high !== 0
  }

  double(): number {
    const start = this.#take(8)
    return this.#bytes.readDoubleLE(start)
  }

  /** The field's bytes, shared with the buffer. */
  bytes(): Buffer {
    const size = this.#size()
    const start = this.#take(size)
    return this.#bytes.subarray(start, start + size)
  }

  /** @throws {RangeError} when the bytes are not UTF-8 */
  text(): string {
    const bytes = this.bytes()
    if (isAscii(bytes)) return bytes.toString('latin1')
    if (!isUtf8(bytes)) throw new RangeError('a text is not UTF-8')
    return bytes.toString()
  }

  /** The message inside this one that the field holds. */
  message(): ProtobufReader {
    const size = this.#size()
    const start = this.#take(size)
    return new ProtobufReader(this.#bytes, start, start + size)
  }

  /** Pass over the field. */
  skip(): void {
    if (this.type === wire.varint) this.unsigned()
    else this.#take(this.type === wire.bytes ? this.#size() : this.type === wire.fixed64 ? 8 : 4)
  }

  /** @throws {RangeError} when the field has another wire type */
  require(type: number): void {
    if (this.type !== type) throw new RangeError(`field ${this.field} has the wire type ${this.type}, not ${type}`)
  }

  get ended(): boolean {
    return this.#at >= this.#end
  }

  #size(): number {
    this.require(wire.bytes)
    return this.unsigned()
  }

  #take(size: number): number {
    const wireTypes: readonly number[] = Object.values(wire)
    if (!wireTypes.includes(this.type)) throw new RangeError(`there is no wire type ${this.type}`)
    const start = this.#at
    if (size > this.#end - start) throw new RangeError('a field does not fit')
    this.#at = start + size
    return start
  }

  #halves(): { low: number; high: number } {
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
      if (byte < 0x80) return { low: low >>> 0, high: high >>> 0 }
    }
    throw new RangeError('a number is too long')
  }
}
