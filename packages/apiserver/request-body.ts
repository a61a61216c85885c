import type { IncomingMessage } from 'node:http'
import { ApiError } from '@thresher/api/error'

/** Bodies above this are refused with 413, as in Kubernetes. */
const BODY_BYTES = 3 * 1024 * 1024

/** Whether a request has a body at all: one is announced by its length or by its transfer coding. @see RFC 9112 section 6.3 */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

/**
 * The whole body of a request.
 *
 * @throws {ApiError} RequestEntityTooLarge, as soon as that is known; what is still to come is left unread
 * @throws {Error} when the client breaks off
 */
export function readRequestBody(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let bytes = 0
    const tooLarge = () => {
      request.off('data', take).pause()
      reject(new ApiError('RequestEntityTooLarge', `Request entity too large: limit is ${BODY_BYTES}`))
    }
    const take = (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > BODY_BYTES) return tooLarge()
      chunks.push(chunk)
    }
    if (Number(request.headers['content-length'] ?? 0) > BODY_BYTES) return tooLarge()
    request.on('data', take)
    request.once('end', () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, bytes)))
    request.once('error', reject)
  })
}
