/**
 * Writes protobuf messages: fields in the order in which they are given, absent and empty ones left out.
 *
 * @see https://protobuf.dev/programming-guides/encoding/
 */
export class ProtobufWriter {
  #bytes = Buffer.allocUnsafe(256)
  #length = 0

  text(field: number, value: string | undefined): this {
    if (!value) return this
    const size = Buffer.byteLength(value)
    this.#tag(field, 2)
    this.#varint(size)
    this.#reserve(size)
    this.#bytes.write(value, this.#length)
    this.#length += size
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
    this.#bytes.writeDoubleLE(value, this.#length)
    this.#length += 8
    return this
  }

  /** A message inside this one; left out when there is none, written when it is empty. */
  message(field: number, message: ProtobufWriter | undefined): this {
    if (!message) return this
    const inner = message.bytes()
    this.#tag(field, 2)
    this.#varint(inner.length)
    this.#reserve(inner.length)
    inner.copy(this.#bytes, this.#length)
    this.#length += inner.length
    return this
  }

  messages(field: number, messages: Iterable<ProtobufWriter>): this {
    for (const message of messages) this.message(field, message)
    return this
  }

  /** What was written so far; valid until more is written. */
  bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length)
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
