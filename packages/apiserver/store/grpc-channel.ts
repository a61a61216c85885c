import { once } from 'node:events'
import {
  connect,
  constants,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
} from 'node:http2'

/** The codes of gRPC that are told apart here. @see https://grpc.io/docs/guides/status-codes/ */
export const grpcStatus = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  deadlineExceeded: 4,
  aborted: 10,
  internal: 13,
  unavailable: 14,
} as const

/** A call that failed: at the server, on the way or by its deadline. */
export class GrpcError extends Error {
  readonly code: number

  constructor(code: number, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'GrpcError'
    this.code = code
  }
}

export interface GrpcCredentials {
  ca: string
  cert: string
  key: string
}

/** A call whose answer is a stream of messages. */
export interface GrpcStream {
  /** Ends with a {@link GrpcError} unless the server says that all went well. */
  messages: AsyncIterable<Buffer>
  cancel(): void
}

/** A server that is frozen or cut off keeps its connection open and answers nothing; pings find out. */
const PING_EVERY_MS = 3000
const PING_ANSWER_MS = 2000
/** How much a server may send before it is read: a page of a list or a piece of a snapshot at once. */
const WINDOW_BYTES = 4 * 1024 * 1024
const HEADER_BYTES = 5

/**
 * Calls one gRPC server over HTTP/2: what etcd needs of it, that is calls with one request, and one answer or many.
 *
 * The connection is made when it is first used and again after it broke.
 *
 * @see https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
export class GrpcChannel {
  readonly #url: string
  readonly #credentials: GrpcCredentials | undefined
  #session: ClientHttp2Session | undefined
  #closed = false

  constructor(url: string, credentials?: GrpcCredentials) {
    this.#url = url
    this.#credentials = credentials
  }

  /** @param method `/package.Service/Method`. @throws {GrpcError} */
  async call(method: string, request: Buffer, timeoutMs: number): Promise<Buffer> {
    const session = this.#connected()
    const stream = this.#open(session, method, { 'grpc-timeout': `${timeoutMs}m` })
    let late = false
    const timer = setTimeout(() => {
      late = true
      stream.close(constants.NGHTTP2_CANCEL)
      // A connection that is still being made would keep the next calls waiting as well.
      if (session.connecting) session.destroy()
    }, timeoutMs)
    try {
      stream.end(frame(request))
      let answer: Buffer | undefined
      for await (const message of messagesOf(stream)) answer ??= message
      if (!answer) throw new GrpcError(grpcStatus.internal, `${method} was answered with nothing`)
      return answer
    } catch (cause) {
      if (late) throw new GrpcError(grpcStatus.deadlineExceeded, `no answer within ${timeoutMs} ms`, { cause })
      throw cause
    } finally {
      clearTimeout(timer)
    }
  }

  /** @param open whether the request's side stays open, for methods that take its end for the end of the call */
  stream(
    method: string,
    request: Buffer,
    { headers = {}, open = false }: { headers?: Record<string, string>; open?: boolean } = {},
  ): GrpcStream {
    const stream = this.#open(this.#connected(), method, headers)
    if (open) stream.write(frame(request))
    else stream.end(frame(request))
    return { messages: messagesOf(stream), cancel: () => stream.close(constants.NGHTTP2_CANCEL) }
  }

  close(): void {
    this.#closed = true
    this.#session?.destroy()
  }

  #open(session: ClientHttp2Session, method: string, headers: Record<string, string>): ClientHttp2Stream {
    const stream = session.request({
      ':method': 'POST',
      ':path': method,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    })
    // Whoever reads the messages gets the error from the iteration; before that, nobody listens.
    stream.on('error', () => undefined)
    return stream
  }

  #connected(): ClientHttp2Session {
    if (this.#closed) throw new GrpcError(grpcStatus.cancelled, 'the connection is closed')
    const known = this.#session
    if (known && !known.closed && !known.destroyed) return known
    const session = connect(this.#url, { ...this.#credentials, settings: { initialWindowSize: WINDOW_BYTES } })
    this.#session = session
    const stop = keepAlive(session)
    session.on('connect', () => session.setLocalWindowSize(WINDOW_BYTES * 4))
    session.on('error', () => undefined)
    // The server takes no further calls on this connection, but ends those it has.
    session.on('goaway', () => session.close())
    session.on('close', () => {
      stop()
      if (this.#session === session) this.#session = undefined
    })
    return session
  }
}

/** Ping until the session is destroyed, and destroy it when no answer comes. @returns an end to it */
function keepAlive(session: ClientHttp2Session): () => void {
  let waiting: NodeJS.Timeout | undefined
  const timer = setInterval(() => {
    if (session.connecting || session.destroyed || waiting) return
    waiting = setTimeout(() => session.destroy(new Error('the server does not answer pings')), PING_ANSWER_MS)
    session.ping(() => {
      clearTimeout(waiting)
      waiting = undefined
    })
  }, PING_EVERY_MS)
  timer.unref()
  return () => {
    clearInterval(timer)
    clearTimeout(waiting)
  }
}

/** A message as it goes over the wire: not compressed, its length, its bytes. */
function frame(message: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + message.length)
  bytes[0] = 0
  bytes.writeUInt32BE(message.length, 1)
  message.copy(bytes, HEADER_BYTES)
  return bytes
}

/** The messages of an answer, as fast as they are taken. @throws {GrpcError} at the end, unless the server's status is OK */
async function* messagesOf(stream: ClientHttp2Stream): AsyncGenerator<Buffer> {
  let headers: IncomingHttpHeaders = {}
  let trailers: IncomingHttpHeaders = {}
  stream.on('response', (received) => (headers = received))
  stream.on('trailers', (received) => (trailers = received))
  try {
    yield* deframe(stream)
    if (!stream.closed) await once(stream, 'close')
  } catch (cause) {
    if (cause instanceof GrpcError) throw cause
    // A server may reset the stream once it has said how the call ended.
    if (trailers['grpc-status'] === undefined)
      throw new GrpcError(grpcStatus.unavailable, (cause as Error).message, { cause })
  }
  const status = trailers['grpc-status'] ?? headers['grpc-status']
  const text = trailers['grpc-message'] ?? headers['grpc-message'] ?? ''
  if (status === undefined) throw new GrpcError(grpcStatus.unavailable, 'the call was cut off')
  if (status !== '0') throw new GrpcError(Number(status), decoded(String(text)))
}

/** gRPC writes messages percent-encoded, and what cannot be decoded is shown as it is. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

async function* deframe(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let parts: Buffer[] = []
  let held = 0
  let wanted = HEADER_BYTES
  for await (const chunk of chunks) {
    parts.push(chunk)
    held += chunk.length
    while (held >= wanted) {
      const all = parts.length === 1 ? parts[0]! : Buffer.concat(parts, held)
      parts = [all]
      wanted = HEADER_BYTES + all.readUInt32BE(1)
      if (held < wanted) break
      if (all[0] !== 0) throw new GrpcError(grpcStatus.internal, 'the answer is compressed, which was not asked for')
      yield all.subarray(HEADER_BYTES, wanted)
      parts = [all.subarray(wanted)]
      held -= wanted
      wanted = HEADER_BYTES
    }
  }
}
