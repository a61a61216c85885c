const quote = 0x22
const backslash = 0x5c
const openBrace = 0x7b
const closeBrace = 0x7d

/**
 * Cuts a byte stream of JSON objects that follow each other without a delimiter, as JSON-RPC over a socket sends them
 * (RFC 7047 §4), into parsed objects. Each byte is looked at once, whatever the chunks are.
 */
export class JsonFrames {
  #pieces: Buffer[] = []
  #held = 0
  #depth = 0
  #inString = false
  #escaped = false
  readonly #maxBytes: number

  /** @param maxBytes the largest object accepted */
  constructor(maxBytes = 256 * 1024 * 1024) {
    this.#maxBytes = maxBytes
  }

  /**
   * Take the next bytes in.
   *
   * @returns the objects that are now whole, in order
   * @throws {SyntaxError} when the stream is not a row of JSON objects; it cannot be read further then
   */
  push(chunk: Buffer): unknown[] {
    const objects: unknown[] = []
    let start = 0
    let at = 0
    while (at < chunk.length) {
      if (this.#inString) {
        at = this.#skipString(chunk, at)
        continue
      }
      const byte = chunk[at++]
      if (byte === quote) this.#inString = true
      else if (byte === openBrace) this.#depth++
      else if (byte === closeBrace && --this.#depth === 0) {
        objects.push(JSON.parse(this.#take(chunk.subarray(start, at))))
        start = at
      } else if (this.#depth <= 0 && byte !== undefined && byte > 0x20)
        throw new SyntaxError(`expected a JSON object, got byte 0x${byte.toString(16)}`)
    }
    if (start < chunk.length && (this.#depth > 0 || this.#inString)) this.#hold(chunk.subarray(start))
    return objects
  }

  /** Moves on to behind the string's closing quote, or to the chunk's end. */
  #skipString(chunk: Buffer, from: number): number {
    for (let at = from; at < chunk.length; at++) {
      if (this.#escaped) this.#escaped = false
      else if (chunk[at] === backslash) this.#escaped = true
      else if (chunk[at] === quote) {
        this.#inString = false
        return at + 1
      }
    }
    return chunk.length
  }

  #hold(piece: Buffer): void {
    this.#held += piece.length
    if (this.#held > this.#maxBytes) throw new SyntaxError(`a JSON object is larger than ${this.#maxBytes} bytes`)
    this.#pieces.push(piece)
  }

  #take(last: Buffer): string {
    if (this.#pieces.length === 0) return last.toString('utf8')
    const whole = Buffer.concat([...this.#pieces, last]).toString('utf8')
    this.#pieces = []
    this.#held = 0
    return whole
  }
}
