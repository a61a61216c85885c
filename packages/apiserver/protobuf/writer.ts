/** What writes the fields of one message. */
export type MessageBody = (message: ProtobufWriter) => void

const VARINT = 0
const FIXED64 = 1
const BYTES = 2
/** Texts below this length have a length of one byte, however many bytes their characters take. */
const SHORT = 43

/**
 * Writes protobuf messages into one growing buffer: fields in the order in which they are given, absent ones left out.
 *
 * `text`, `flag`, `integer` and `double` leave out what is empty or zero, as proto3 does; `put…` write it all the same.
 *
 * @see https://protobuf.dev/programming-guides/encoding/
 */
export class ProtobufWriter {
  #bytes: Buffer
  #length = 0

  constructor(capacity = 64 * 1024) {
    this.#bytes = Buffer.allocUnsafe(capacity)
  }

  text(field: number, value: string | undefined): this {
    return value ? this.putText(field, value) : this
  }

  texts(field: number, values: readonly string[] | undefined): this {
    for (const value of values ?? []) this.text(field, value)
    return this
  }

  flag(field: number, value: boolean | undefined): this {
    return value ? this.putInteger(field, 1) : this
  }

  /** A whole number of 0 or more. */
  integer(field: number, value: number | undefined): this {
    return value ? this.putInteger(field, value) : this
  }

  double(field: number, value: number | undefined): this {
    return value ? this.putDouble(field, value) : this
  }

  putText(field: number, value: string): this {
    this.#tag(field, BYTES)
    if (value.length < SHORT) {
      this.#reserve(1 + value.length * 3)
      const size = this.#ascii(value) ?? this.#bytes.write(value, this.#length + 1)
      this.#bytes[this.#length] = size
      this.#length += size + 1
      return this
    }
    const size = Buffer.byteLength(value)
    this.#varint(size)
    this.#reserve(size)
    this.#length += this.#bytes.write(value, this.#length)
    return this
  }

  putBytes(field: number, value: Uint8Array): this {
    this.#tag(field, BYTES)
    this.#varint(value.length)
    return this.raw(value)
  }

  /** A whole number; one below 0 takes ten bytes, as int32 and int64 have it. */
  putInteger(field: number, value: number): this {
    this.#tag(field, VARINT)
    if (value >= 0) this.#varint(value)
    else this.#negative(BigInt(Math.trunc(value)))
    return this
  }

  putDouble(field: number, value: number): this {
    this.#tag(field, FIXED64)
    this.#reserve(8)
    this.#length = this.#bytes.writeDoubleLE(value, this.#length)
    return this
  }

  /** Bytes as they are, without a tag. */
  raw(value: Uint8Array): this {
    this.#reserve(value.length)
    this.#bytes.set(value, this.#length)
    this.#length += value.length
    return this
  }

  /** A message inside this one; left out when there is none, written when it is empty. */
  message(field: number, body: MessageBody | undefined): this {
    if (!body) return this
    const start = this.open(field)
    body(this)
    return this.close(start)
  }

  messages<T>(field: number, values: Iterable<T>, body: (value: T) => MessageBody): this {
    for (const value of values) this.message(field, body(value))
    return this
  }

  /** Begin a message inside this one. @returns what {@link close} takes */
  open(field: number): number {
    this.#tag(field, BYTES)
    this.#reserve(1)
    this.#length += 1
    return this.#length
  }

  /** End the message that began at `start`. One byte was kept for its length; a longer length moves the message on. */
  close(start: number): this {
    const size = this.#length - start
    const more = varintSize(size) - 1
    if (more > 0) {
      this.#reserve(more)
      this.#bytes.copyWithin(start + more, start, this.#length)
    }
    this.#length = start - 1
    this.#varint(size)
    this.#length += size
    return this
  }

  /** A copy of what was written so far. */
  bytes(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.#length))
  }

  /** Write a short text behind the place of its length. @returns its bytes; undefined when it is not ASCII */
  #ascii(value: string): number | undefined {
    const start = this.#length + 1
    for (let at = 0; at < value.length; at += 1) {
      const code = value.charCodeAt(at)
      if (code >= 0x80) return undefined
      this.#bytes[start + at] = code
    }
    return value.length
  }

  #tag(field: number, wireType: number): void {
    this.#varint(field * 8 + wireType)
  }

  #varint(value: number): void {
    this.#reserve(10)
    let rest = value
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    this.#bytes[this.#length++] = rest
  }

  #negative(value: bigint): void {
    this.#reserve(10)
    let rest = BigInt.asUintN(64, value)
    while (rest >= 0x80n) {
      this.#bytes[this.#length++] = Number(rest & 0x7fn) | 0x80
      rest >>= 7n
    }
    this.#bytes[this.#length++] = Number(rest)
  }

  #reserve(size: number): void {
    if (this.#length + size <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + size))
    this.#bytes.copy(larger, 0, 0, this.#length)
    this.#bytes = larger
  }
}

function varintSize(value: number): number {
  let size = 1
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size++
  return size
}
