import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { ApiError } from '@thresher/api/error'
import { lingerBytes, patience } from '../limits/sizes.ts'

/** Whether a request has a body at all: one is announced by its length or by its transfer coding. @see RFC 9112 section 6.3 */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

/**
 * The body of a request that is still to come.
 *
 * Nothing of it is read before someone asks, and a client that waits for `100 Continue` is asked for it only then: whoever is
 * refused before costs no transfer.
 */
export class IncomingBody {
  readonly #request: IncomingMessage
  readonly #proceed: () => void
  #asked = false

  /** @param proceed tells the client to send on; called once, before the first byte is read */
  constructor(request: IncomingMessage, proceed: () => void) {
    this.#request = request
    this.#proceed = proceed
  }

  /**
   * All of it.
   *
   * @param limit bytes
   * @throws {ApiError} RequestEntityTooLarge as soon as that is known, the rest is left unread; Timeout; BadRequest when the client
   *   breaks off
   */
  read(limit: number): Promise<Buffer> {
    const request = this.#request
    if (Number(request.headers['content-length'] ?? 0) > limit) return Promise.reject(tooLarge(limit))
    this.#ask()
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = []
      let bytes = 0
      const timer = setTimeout(() => fail(tooSlow()), patience.bodyMs)
      const fail = (error: Error) => {
        clearTimeout(timer)
        request.off('data', take).pause()
        reject(error)
      }
      const take = (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > limit) return fail(tooLarge(limit))
        chunks.push(chunk)
      }
      request.on('data', take)
      request.once('end', () => {
        clearTimeout(timer)
        resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, bytes))
      })
      const brokenOff = () => fail(new ApiError('BadRequest', 'the body of the request ended before it was complete'))
      request.once('error', brokenOff)
      request.once('close', brokenOff)
    })
  }

  /**
   * Piece by piece, of any size, as fast as the reader takes it. It fails when the client breaks off or sends nothing for a
   * while; a reader that wants no more may leave the rest.
   */
  stream(): Readable {
    this.#ask()
    const request = this.#request
    const { socket } = request
    request.on('timeout', () => {
      // A reader that is behind is no fault of the client.
      if (request.readableLength > 0) socket.setTimeout(patience.streamIdleMs)
      else request.destroy(tooSlow())
    })
    socket.setTimeout(patience.streamIdleMs)
    request.once('end', () => socket.setTimeout(0))
    return request
  }

  /** Whether all of it has come. */
  get complete(): boolean {
    return this.#request.complete
  }

  /**
   * Take the rest and throw it away, within bounds of time and size. Closing a connection while bytes still come in resets it,
   * and the answer is lost with it.
   *
   * @returns whether the body came to its end, so that the connection can go on
   */
  discard(): Promise<boolean> {
    const request = this.#request
    if (request.complete || request.destroyed) return Promise.resolve(request.complete)
    // A client that waits for the word to send gets the refusal in its place.
    if (!this.#asked && request.headers.expect !== undefined) return Promise.resolve(false)
    return new Promise((resolve) => {
      let bytes = 0
      const end = (complete: boolean) => {
        clearTimeout(timer)
        request.off('data', count)
        resolve(complete)
      }
      const count = (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > lingerBytes) end(false)
      }
      const timer = setTimeout(() => end(false), patience.lingerMs)
      request.once('end', () => end(true))
      request.once('close', () => end(request.complete))
      request.once('error', () => end(false))
      request.on('data', count)
      request.resume()
    })
  }

  #ask(): void {
    if (this.#asked) return
    this.#asked = true
    this.#proceed()
  }
}

/** The refusal of a body of more bytes than may be. */
export function tooLarge(limit: number): ApiError {
  return new ApiError('RequestEntityTooLarge', `Request entity too large: limit is ${limit}`)
}

function tooSlow(): ApiError {
  return new ApiError('Timeout', 'the body of the request did not come in time; send it again')
}
