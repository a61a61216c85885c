/** What writes the fields of one message. */
export type MessageBody = (message: ProtobufWriter) => void

/**
 * Writes protobuf messages into one growing buffer: fields in the order in which they are given, absent and empty ones left out.
 *
 * @see https://protobuf.dev/programming-guides/encoding/
 */
export class ProtobufWriter {
  #bytes = Buffer.allocUnsafe(64 * 1024)
  #length = 0

  text(field: number, value: string | undefined): this {
    if (!value) return this
    this.#tag(field, 2)
    const size = Buffer.byteLength(value)
    this.#varint(size)
    this.#reserve(size)
    this.#length += this.#bytes.write(value, this.#length)
    return this
  }

  texts(field: number, values: readonly string[] | undefined): this {
    for (const value of values ?? []) this.text(field, value)
    return this
  }

  flag(field: number, value: boolean | undefined): this {
    if (!value) return this
    this.#tag(field, 0)
    this.#varint(1)
    return this
  }

  /** A whole number of 0 or more. */
  integer(field: number, value: number | undefined): this {
    if (!value) return this
    this.#tag(field, 0)
    this.#varint(value)
    return this
  }

  double(field: number, value: number | undefined): this {
    if (!value) return this
    this.#tag(field, 1)
    this.#reserve(8)
    this.#length = this.#bytes.writeDoubleLE(value, this.#length)
    return this
  }

  /** A message inside this one; left out when there is none, written when it is empty. */
  message(field: number, body: MessageBody | undefined): this {
    if (!body) return this
    this.#tag(field, 2)
    this.#reserve(1)
    const start = this.#length + 1
    this.#length = start
    body(this)
    const size = this.#length - start
    // One byte is kept for the length; a longer one moves the message on.
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

  messages<T>(field: number, values: Iterable<T>, body: (value: T) => MessageBody): this {
    for (const value of values) this.message(field, body(value))
    return this
  }

  /** A copy of what was written so far. */
  bytes(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.#length))
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
