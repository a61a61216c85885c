import type { IncomingMessage } from 'node:http'
import https from 'node:https'
import { pipeline } from 'node:stream/promises'
import type { Readable } from 'node:stream'
import { ApiError } from '@thresher/api/error'
import { errorOf, queryText } from '../answer.ts'
import { authorization, tlsOptions, type HttpsTransportOptions } from './https-transport.ts'

/** A request whose body, or whose answer, is too large to be held. */
export interface StreamedRequest {
  method: 'GET' | 'PUT' | 'POST'
  path: string
  query?: Record<string, string | undefined>
  headers?: Record<string, string>
  body?: Readable
  signal?: AbortSignal
}

const idleMs = 180_000

/**
 * Send or fetch a file through the API.
 *
 * @returns the answer with its body unread: read or destroy it
 * @throws {ApiError} for any status of 400 and above, and when the server cannot be reached; the signal's reason when aborted
 */
export async function streamedRequest(
  options: HttpsTransportOptions,
  request: StreamedRequest,
): Promise<IncomingMessage> {
  const { method, path, query = {}, headers = {}, body, signal } = request
  signal?.throwIfAborted()
  const base = new URL(options.server)
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const outgoing = https.request({
      ...tlsOptions(options),
      host: base.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: base.port || 443,
      method,
      path: base.pathname.replace(/\/$/, '') + path + queryText(query),
      headers: {
        accept: 'application/json',
        ...headers,
        ...authorization(options),
        // Who is refused finds out before sending gigabytes.
        ...(body ? { 'content-type': 'application/octet-stream', expect: '100-continue' } : {}),
      },
      agent: false,
      ...(signal ? { signal } : {}),
    })
    const fail = (error: Error) => reject(signal?.aborted ? (signal.reason as Error) : unreachable(base.origin, error))
    outgoing.setTimeout(idleMs, () => outgoing.destroy(new Error(`nothing came for ${idleMs} ms`)))
    outgoing.on('response', resolve)
    outgoing.on('error', fail)
    if (body) {
      outgoing.once('continue', () => void pipeline(body, outgoing).catch(fail))
      outgoing.flushHeaders()
    } else outgoing.end()
  })
  if ((response.statusCode ?? 500) >= 400) throw errorOf(response.statusCode ?? 500, await readText(response))
  return response
}

/** The body of an answer, as text. */
export async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

function unreachable(origin: string, cause: Error): ApiError {
  const { code, message } = cause as NodeJS.ErrnoException
  return new ApiError('ServiceUnavailable', `the connection to the API server at ${origin} broke: ${code ?? message}`, {
    cause,
  })
}
