import type { IncomingMessage } from 'node:http'
import https from 'node:https'
import type { ConnectionOptions } from 'node:tls'
import { ApiError, type Status } from '@thresher/api/error'
import type { WatchEvent } from '@thresher/api/meta'
import { errorOf, queryText } from '../answer.ts'
import { readJsonLines } from './json-lines.ts'
import type { ApiRequest, Transport } from '../transport.ts'

/** Not imported: an import reads every export, `WebSocket` among them, and so loads all of Node's fetch, 10 MiB. */
const http = process.getBuiltinModule('node:http')

/** Where the API server is and who we are to it. Certificates and keys are PEM. */
export interface HttpsTransportOptions {
  /** `https://host:port`, a path prefix allowed; `http://` only for a server on a trusted loopback. */
  server: string
  ca?: string | Buffer
  cert?: string | Buffer
  key?: string | Buffer
  /** The certificate and key as they are now, asked for each request, so that renewed ones are used; instead of `cert` and `key`. */
  certificate?: () => Pick<HttpsTransportOptions, 'cert' | 'key'>
  /** Bearer token; read again for each request when a function, so that a rotated token is used. */
  token?: string | (() => string)
  /** The name the server's certificate must carry, where it differs from the address. */
  serverName?: string
  insecureSkipTlsVerify?: boolean
  /** How long a request may stay without a byte, 30 000 ms unless said. Watches have no such limit. */
  timeoutMs?: number
  userAgent?: string
}

/** Connections that stay silent this long are probed by TCP, so that a dead peer ends a watch. */
const keepAliveProbeMs = 15_000

/** How to prove who we are, and what the server must prove, as Node's TLS wants it. */
export function tlsOptions(options: HttpsTransportOptions): ConnectionOptions {
  const { cert, key } = options.certificate?.() ?? options
  return {
    ca: options.ca,
    cert,
    key,
    rejectUnauthorized: !options.insecureSkipTlsVerify,
    ...(options.serverName ? { servername: options.serverName } : {}),
  }
}

/** The header that carries the bearer token as it is now; empty without one. */
export function authorization({ token }: HttpsTransportOptions): { authorization?: string } {
  const now = typeof token === 'function' ? token() : token
  return now ? { authorization: `Bearer ${now}` } : {}
}

/** Reach the API over HTTPS: kept-alive connections for requests, one connection for each watch. */
export function httpsTransport(options: HttpsTransportOptions): Transport {
  const base = new URL(options.server)
  const secure = base.protocol === 'https:'
  const agentOptions = { keepAlive: true, keepAliveMsecs: keepAliveProbeMs, maxFreeSockets: 4 }
  const agent = secure ? new https.Agent(agentOptions) : new http.Agent(agentOptions)
  const prefix = base.pathname.replace(/\/$/, '')

  /** Send, and give the answer once its head is there. */
  function send(request: ApiRequest, extraQuery: Record<string, string>, timeoutMs: number): Promise<IncomingMessage> {
    const { signal } = request
    signal?.throwIfAborted()
    const body = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body))
    const credentials = authorization(options)
    // With the request, not the agent: connections are kept apart by certificate, so a renewed one opens new ones.
    const tls = secure ? tlsOptions(options) : {}
    return new Promise((resolve, reject) => {
      const outgoing = (secure ? https : http).request({
        ...tls,
        agent,
        host: base.hostname.replace(/^\[(.*)\]$/, '$1'),
        port: base.port || (secure ? 443 : 80),
        method: request.method,
        path: prefix + request.path + queryText({ ...request.query, ...extraQuery }),
        headers: {
          accept: 'application/json',
          'user-agent': options.userAgent ?? 'thresher',
          ...(body ? { 'content-type': request.contentType ?? 'application/json', 'content-length': body.length } : {}),
          ...credentials,
        },
        ...(signal ? { signal } : {}),
      })
      outgoing.on('socket', (socket) => socket.setKeepAlive(true, keepAliveProbeMs))
      if (timeoutMs > 0)
        outgoing.setTimeout(timeoutMs, () =>
          outgoing.destroy(
            new ApiError(
              'Timeout',
              `no answer from ${base.origin} to ${request.method} ${request.path} within ${timeoutMs} ms`,
            ),
          ),
        )
      outgoing.on('response', resolve)
      outgoing.on('error', (error) => reject(signal?.aborted ? signal.reason : unreachable(base.origin, error)))
      outgoing.end(body)
    })
  }

  return {
    async request<T>(request: ApiRequest): Promise<T> {
      const response = await send(request, {}, options.timeoutMs ?? 30_000)
      const text = await readText(response, request, base.origin)
      if ((response.statusCode ?? 500) >= 400) throw errorOf(response.statusCode ?? 500, text)
      return parseBody(text, response) as T
    },

    async *watch<T>(request: ApiRequest): AsyncGenerator<WatchEvent<T>> {
      const response = await send(request, { watch: 'true' }, 0)
      if ((response.statusCode ?? 500) >= 400)
        throw errorOf(response.statusCode ?? 500, await readText(response, request, base.origin))
      try {
        for await (const line of readJsonLines(response)) {
          const event = line as WatchEvent<T>
          if (event.type === 'ERROR') {
            const status = event.object as Partial<Status>
            throw ApiError.fromStatus(status, status.code ?? 500)
          }
          yield event
        }
      } catch (error) {
        if (request.signal?.aborted) throw request.signal.reason
        throw unreachable(base.origin, error)
      } finally {
        response.destroy()
      }
    },

    close(): Promise<void> {
      agent.destroy()
      return Promise.resolve()
    },
  }
}

async function readText(response: IncomingMessage, request: ApiRequest, origin: string): Promise<string> {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of response) chunks.push(chunk as Buffer)
  } catch (error) {
    throw request.signal?.aborted ? request.signal.reason : unreachable(origin, error)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parseBody(text: string, response: IncomingMessage): unknown {
  if (text === '') return undefined
  if (!/json/.test(response.headers['content-type'] ?? 'json')) return text
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new ApiError('InternalError', 'the server sent a body that is not JSON', { cause })
  }
}

function unreachable(origin: string, error: unknown): ApiError {
  if (error instanceof ApiError) return error
  const cause = error as NodeJS.ErrnoException
  return new ApiError(
    'ServiceUnavailable',
    `cannot reach the API server at ${origin}: ${cause.code ?? cause.message}`,
    {
      cause,
    },
  )
}
