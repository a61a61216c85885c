import type { Socket } from 'node:net'

/** Takes so many bytes at a time from a stream that comes in pieces of any size. */
export class ByteReader {
  readonly #chunks: Buffer[] = []
  #bytes = 0
  #wanted: { bytes: number; resolve(): void; reject(error: Error): void } | undefined
  #ended: Error | undefined

  constructor(socket: Socket) {
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk)
      this.#bytes += chunk.length
      if (this.#wanted && this.#bytes >= this.#wanted.bytes) this.#wanted.resolve()
    })
    const end = (error: Error): void => {
      this.#ended ??= error
      this.#wanted?.reject(this.#ended)
    }
    socket.once('error', end)
    socket.once('close', () => end(new Error('the connection was closed')))
  }

  /** One caller at a time. @throws {Error} when the stream ends before */
  async take(bytes: number): Promise<Buffer> {
    if (this.#bytes < bytes) {
      if (this.#ended) throw this.#ended
      await new Promise<void>((resolve, reject) => (this.#wanted = { bytes, resolve, reject }))
      this.#wanted = undefined
    }
    this.#bytes -= bytes
    const parts: Buffer[] = []
    for (let missing = bytes; missing > 0;) {
      const first = this.#chunks[0]!
      if (first.length <= missing) this.#chunks.shift()
      else this.#chunks[0] = first.subarray(missing)
      parts.push(first.subarray(0, missing))
      missing -= Math.min(missing, first.length)
    }
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts, bytes)
  }
}
