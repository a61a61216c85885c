import { once } from 'node:events'
import type { IncomingMessage, ServerResponse as NodeResponse } from 'node:http'
import { createServer, type Server, type ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { Duplex, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { TLSSocket } from 'node:tls'
import { constants, createGzip, gzip } from 'node:zlib'
import { promisify } from 'node:util'
import { ApiError } from '@thresher/api/error'
import type { ApiServer } from './api-server.ts'
import { certificateOf } from './auth/x509.ts'
import { isStream, type Answer, type ServerRequest, type ServerResponse, type StreamSink } from './request.ts'
import { ConnectionGuard, slowClientOptions, type ConnectionLimits } from './limits/connection-guard.ts'
import { patience } from './limits/sizes.ts'
import { IncomingBody, hasBody } from './body/incoming-body.ts'
import type { Credentials } from './user.ts'

export interface HttpServerOptions {
  /** The serving certificate and key, and the authority whose client certificates are believed; all PEM. */
  cert: string
  key: string
  ca: string
}

const HEADER_BYTES = 64 * 1024
/** Not imported: an import reads every export, `WebSocket` among them, and so loads all of Node's fetch, 10 MiB. */
const { STATUS_CODES } = process.getBuiltinModule('node:http')
/** Answers from this size on are compressed for clients that take it. */
const GZIP_BYTES = 128 * 1024
/** One for all: making an error for each request that ends would cost more than answering it. */
const connectionClosed = new Error('the connection was closed')
const gzipAsync = promisify(gzip)
/** Fast rather than small, as in Kubernetes. */
const GZIP_LEVEL = 1

/** The API over HTTPS, with Node's server alone: every request goes to one place, and answers are bytes already. */
export class HttpServer {
  readonly #api: ApiServer
  readonly #server: Server
  readonly #upgraded = new Set<Duplex>()
  readonly connections: ConnectionGuard

  private constructor(api: ApiServer, server: Server, limits?: Partial<ConnectionLimits>) {
    this.connections = new ConnectionGuard(limits)
    this.#api = api
    this.#server = server
  }

  /** Listen on `port` of `host` (all addresses unless said). Port 0 takes a free one. */
  static async listen(
    api: ApiServer,
    { cert, key, ca }: HttpServerOptions,
    { port, host, limits }: { port: number; host?: string; limits?: Partial<ConnectionLimits> },
  ): Promise<HttpServer> {
    const options: ServerOptions = {
      cert,
      key,
      ca,
      // A certificate is asked for, not demanded: tokens and logins come without one.
      requestCert: true,
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
      maxHeaderSize: HEADER_BYTES,
      keepAliveTimeout: 120_000,
      ...slowClientOptions(limits),
      // How long a body may take is for its reader to say: an upload takes hours.
      requestTimeout: 0,
      ALPNProtocols: ['http/1.1'],
    }
    const server = createServer(options)
    const http = new HttpServer(api, server, limits)
    http.connections.guard(server)
    server.on('request', (request, response) => void http.#serve(request, response))
    server.on('checkContinue', (request, response) => void http.#serve(request, response))
    server.on('upgrade', (raw, socket, head) => void http.#upgrade(raw, socket, head))
    server.on('clientError', refuseConnection)
    server.listen(port, host ?? (hasIpv6() ? '::' : '0.0.0.0'))
    await once(server, 'listening')
    return http
  }

  /** The port that is listened on. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Serve with a renewed certificate from now on; connections go on. */
  setCertificate({ cert, key, ca }: HttpServerOptions): void {
    this.#server.setSecureContext({ cert, key, ca, minVersion: 'TLSv1.2' })
  }

  /** Refuse new connections, end the open ones. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const socket of this.#upgraded) socket.destroy()
    this.#server.closeAllConnections()
    await closed
  }

  async #serve(raw: IncomingMessage, response: NodeResponse): Promise<void> {
    const gone = new AbortController()
    response.once('close', () => gone.abort(connectionClosed))
    const body = hasBody(raw) ? new IncomingBody(raw, () => proceed(raw, response)) : undefined
    try {
      const answer = await this.#api.handle(this.#toServer(raw, body, gone.signal))
      if (body && !body.complete && !isStream(answer)) await refuseRest(raw, response, answer, body)
      else await send(raw, response, answer)
    } catch (error) {
      // Only a broken connection leads here: handle() itself never throws.
      response.destroy(error as Error)
    }
  }

  #toServer(raw: IncomingMessage, incoming: IncomingBody | undefined, signal: AbortSignal): ServerRequest {
    const url = raw.url ?? '/'
    const question = url.indexOf('?')
    return {
      method: raw.method ?? 'GET',
      path: question < 0 ? url : url.slice(0, question),
      query: question < 0 ? new URLSearchParams() : new URLSearchParams(url.slice(question + 1)),
      headers: raw.headers,
      ...(incoming ? { incoming } : {}),
      credentials: this.#credentials(raw),
      signal,
    }
  }

  #credentials(raw: IncomingMessage): Credentials {
    const socket = raw.socket as TLSSocket
    return {
      headers: raw.headers,
      method: raw.method,
      certificate: certificateOf(socket),
      remoteAddress: socket.remoteAddress,
    }
  }

  async #upgrade(raw: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const gone = new AbortController()
    this.#upgraded.add(socket)
    socket.on('error', () => socket.destroy())
    socket.once('close', () => {
      this.#upgraded.delete(socket)
      gone.abort(connectionClosed)
    })
    try {
      await this.#api.upgrade(this.#toServer(raw, undefined, gone.signal), raw, socket, head)
    } catch (error) {
      const failure =
        error instanceof ApiError ? error : new ApiError('InternalError', 'an internal error has occurred')
      const body = JSON.stringify(failure.toStatus())
      socket.end(
        `HTTP/1.1 ${failure.code} ${STATUS_CODES[failure.code] ?? 'Error'}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
      )
    }
  }
}

/** Whether `::`, which means every address, can be listened on. */
function hasIpv6(): boolean {
  return Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ family }) => family === 'IPv6'))
}

/** The client waits with its body until it hears that it is wanted. @see RFC 9110 section 10.1.1 */
function proceed(raw: IncomingMessage, response: NodeResponse): void {
  if (raw.headers.expect !== undefined && !response.headersSent) response.writeContinue()
}

/**
 * Answer before the body has come whole: a refusal. All of the answer goes out first, its length given so that the client has it
 * whole, and the connection is closed when the client has stopped sending or was given time to.
 */
async function refuseRest(
  raw: IncomingMessage,
  response: NodeResponse,
  answer: Answer & { warnings?: string[] },
  body: IncomingBody,
): Promise<void> {
  const bytes = Buffer.concat([...answer.chunks()])
  response.writeHead(answer.status, { ...headersOf(answer), 'content-length': bytes.length, connection: 'close' })
  if (raw.method !== 'HEAD') response.write(bytes)
  await body.discard()
  response.end()
}

/** A connection whose bytes are no HTTP request. */
function refuseConnection(error: Error & { code?: string }, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const code = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400
  socket.end(`HTTP/1.1 ${code} ${STATUS_CODES[code]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

function headersOf(answer: ServerResponse): Record<string, string | string[] | number> {
  return {
    'content-type': answer.contentType,
    'cache-control': 'no-cache, private',
    ...answer.headers,
    ...(answer.warnings?.length ? { warning: answer.warnings.map(warningHeader) } : {}),
  }
}

async function send(request: IncomingMessage, response: NodeResponse, answer: ServerResponse): Promise<void> {
  const headers = headersOf(answer)
  if (isStream(answer) && answer.bytes) {
    response.writeHead(answer.status, headers)
    if (request.method === 'HEAD') {
      answer.bytes.destroy()
      response.end()
    } else await pipeline(answer.bytes, response)
    return
  }
  if (isStream(answer)) {
    if (request.httpVersion === '1.1') response.setHeader('transfer-encoding', 'chunked')
    response.writeHead(answer.status, headers)
    response.flushHeaders()
    answer.stream(responseSink(response))
    return
  }
  if (request.method === 'HEAD') {
    response.writeHead(answer.status, headers).end()
    return
  }
  await sendBody(request, response, answer, headers)
}

/** @see RFC 9111 section 5.5; 299 is a lasting warning, as Kubernetes sends them */
function warningHeader(text: string): string {
  // Headers hold Latin letters only; quotes and backslashes are escaped.
  const safe = text.replace(/[^\x20-\x7e]/g, '?').slice(0, 1024)
  return `299 - ${JSON.stringify(safe)}`
}

async function sendBody(
  request: IncomingMessage,
  response: NodeResponse,
  answer: Answer,
  headers: Record<string, string | string[] | number>,
): Promise<void> {
  const chunks = answer.chunks()[Symbol.iterator]()
  const first = chunks.next()
  const second = first.done ? first : chunks.next()
  const single = second.done
  const isPacked = headers['content-encoding'] !== undefined
  const wantsGzip = !isPacked && /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''))
  if (single) {
    const bytes = first.done ? Buffer.alloc(0) : first.value
    if (wantsGzip && bytes.length >= GZIP_BYTES) {
      const packed = await gzipAsync(bytes, { level: GZIP_LEVEL })
      response.writeHead(answer.status, { ...headers, 'content-encoding': 'gzip', 'content-length': packed.length })
      response.end(packed)
      return
    }
    response.writeHead(answer.status, { ...headers, 'content-length': bytes.length })
    response.end(bytes)
    return
  }
  const all = (function* () {
    yield first.value as Buffer
    yield second.value as Buffer
    for (let next = chunks.next(); !next.done; next = chunks.next()) yield next.value
  })()
  if (!wantsGzip) {
    response.writeHead(answer.status, headers)
    await writeAll(response, all)
    response.end()
    return
  }
  response.writeHead(answer.status, { ...headers, 'content-encoding': 'gzip' })
  const packer = createGzip({ level: GZIP_LEVEL, strategy: constants.Z_DEFAULT_STRATEGY })
  packer.pipe(response)
  await writeAll(packer, all)
  if (packer.destroyed) response.destroy()
  else packer.end()
}

/** Write pieces as fast as the receiver takes them, no faster. */
async function writeAll(target: Writable, chunks: Iterable<Buffer>): Promise<void> {
  for (const chunk of chunks) {
    if (target.destroyed) return
    if (target.write(chunk)) continue
    await new Promise<void>((resolve) => {
      // Whoever reads nothing keeps a list in memory for nothing.
      const timer = setTimeout(() => target.destroy(), patience.readerMs).unref()
      const done = () => {
        clearTimeout(timer)
        target.off('drain', done)
        target.off('close', done)
        resolve()
      }
      target.once('drain', done)
      target.once('close', done)
    })
  }
}

/** A line in its frame of chunked transfer coding: made once, however many watchers get it. */
const frames = new WeakMap<Buffer, Buffer>()

/** @see RFC 9112 section 7.1 */
function frame(chunk: Buffer): Buffer {
  let framed = frames.get(chunk)
  if (!framed) {
    const head = `${chunk.length.toString(16)}\r\n`
    framed = Buffer.allocUnsafe(head.length + chunk.length + 2)
    framed.write(head, 'latin1')
    chunk.copy(framed, head.length)
    framed.write('\r\n', framed.length - 2, 'latin1')
    frames.set(chunk, framed)
  }
  return framed
}

/**
 * Where a stream's lines go: straight to the connection once the headers are out, which costs half of what going through
 * Node's response does. A response that waits behind another on its connection has no socket yet and takes the long way.
 */
function responseSink(response: NodeResponse): StreamSink {
  const { socket } = response
  if (!socket || response.getHeader('transfer-encoding') !== 'chunked') {
    return {
      write: (chunk) => response.write(chunk),
      onDrain: (listener) => void response.on('drain', listener),
      end: () => void response.end(),
    }
  }
  return {
    write: (chunk) => socket.destroyed || socket.write(frame(chunk)),
    onDrain: (listener) => {
      socket.on('drain', listener)
      response.once('close', () => socket.off('drain', listener))
    },
    end: () => void response.end(),
  }
}
