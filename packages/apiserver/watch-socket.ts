import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer, type WebSocket } from 'ws'
import { ApiError } from '@thresher/api/error'
import type { ApiServer } from './api-server.ts'
import { isStream, type ServerRequest, type StreamSink } from './request.ts'
import type { RouteHandler } from './subresource.ts'

/** Where the WebSocket for many watches is reached. */
export const watchSocketPath = '/watches'

/** A watch waits for its receiver above this many bytes on the way, and goes on below half of it. */
const HIGH_BYTES = 1024 * 1024
const MAX_WATCHES = 200
const MAX_MESSAGE_BYTES = 64 * 1024
/** Browsers see no ping frames, so that they live is said in a message. */
const PING_MS = 15_000
/** How often the caller's credentials are looked at again: a session that has ended gets no more events. */
const AUTHENTICATE_MS = 30_000
/** Closes the connection when the credentials are no longer good; in the range that applications may use. */
const UNAUTHORIZED_CODE = 4401

const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES, perMessageDeflate: false })

/**
 * Many watches over one WebSocket. `WatchSocket` of the client describes what is sent.
 *
 * Each watch is an ordinary request with the connection's credentials: authorized, counted and audited like one over HTTP.
 */
export function watchSocketRoute(api: () => ApiServer, authenticateMs = AUTHENTICATE_MS): RouteHandler {
  return {
    method: 'GET',
    path: watchSocketPath,
    authorize: false,
    handle() {
      throw new ApiError(
        'BadRequest',
        `${watchSocketPath} is a WebSocket; to watch over HTTP, GET a list with watch=true`,
      )
    },
    upgrade(request, raw: IncomingMessage, socket: Duplex, head: Buffer) {
      sockets.handleUpgrade(raw, socket, head, (client) => serve(api(), request, client, authenticateMs))
    },
  }
}

/** What a client sends. */
interface Message {
  id: number
  path?: string
  query?: Record<string, string>
  stop?: boolean
}

function serve(api: ApiServer, request: ServerRequest, client: WebSocket, authenticateMs: number): void {
  const running = new Map<number, AbortController>()
  const drained = new Drain(client)
  const ping = setInterval(() => client.send('ping'), PING_MS)
  const check = setInterval(() => {
    api.authenticate({ ...request, user: undefined }).catch(() => client.close(UNAUTHORIZED_CODE, 'Unauthorized'))
  }, authenticateMs)
  client.on('message', (data: Buffer, isBinary: boolean) => {
    const message = isBinary ? undefined : parseMessage(data)
    if (!message) return client.close(1003, 'send JSON with id and path')
    running.get(message.id)?.abort()
    running.delete(message.id)
    if (message.stop) return drained.forget(message.id)
    if (running.size >= MAX_WATCHES) return sendError(client, message.id, tooMany())
    const stop = new AbortController()
    running.set(message.id, stop)
    const over = () => {
      if (running.get(message.id) !== stop) return
      running.delete(message.id)
      drained.forget(message.id)
    }
    void watch(api, request, client, message, stop.signal, drained, over)
  })
  client.on('error', () => client.terminate())
  client.on('close', () => {
    clearInterval(ping)
    clearInterval(check)
    for (const stop of running.values()) stop.abort()
  })
}

async function watch(
  api: ApiServer,
  request: ServerRequest,
  client: WebSocket,
  message: Message,
  signal: AbortSignal,
  drained: Drain,
  over: () => void,
): Promise<void> {
  const { id } = message
  const response = await api.handle(watchRequest(request, message, signal))
  if (!isStream(response)) {
    over()
    return sendError(client, id, response.value())
  }
  const head = Buffer.from(`${id}\n`)
  const sink: StreamSink = {
    write: (chunk) => drained.send(Buffer.concat([head, chunk])),
    onDrain: (listener) => drained.onDrain(id, listener),
    end: () => {
      over()
      if (!signal.aborted && client.readyState === client.OPEN) client.send(`${id} end`)
    },
  }
  response.stream(sink)
}

/** The watch as a request of its own, with the credentials that opened the connection. */
function watchRequest(request: ServerRequest, { path = '', query = {} }: Message, signal: AbortSignal): ServerRequest {
  const { upgrade: _upgrade, connection: _connection, ...headers } = request.headers
  const own = { ...headers, accept: 'application/json' }
  return {
    method: 'GET',
    path,
    query: new URLSearchParams({ ...query, watch: 'true' }),
    headers: own,
    credentials: { ...request.credentials, headers: own },
    signal,
  }
}

/** Sends, and lets those go on that wait for the connection to take more. */
class Drain {
  readonly #client: WebSocket
  readonly #waiting = new Map<number, () => void>()

  constructor(client: WebSocket) {
    this.#client = client
  }

  /** @returns false when the receiver is behind */
  send(frame: Buffer): boolean {
    if (this.#client.readyState !== this.#client.OPEN) return true
    this.#client.send(frame, { binary: false }, () => {
      if (this.#client.bufferedAmount < HIGH_BYTES / 2) for (const resume of this.#waiting.values()) resume()
    })
    return this.#client.bufferedAmount < HIGH_BYTES
  }

  onDrain(id: number, listener: () => void): void {
    this.#waiting.set(id, listener)
  }

  forget(id: number): void {
    this.#waiting.delete(id)
  }
}

function sendError(client: WebSocket, id: number, status: unknown): void {
  if (client.readyState === client.OPEN) client.send(`${id} error\n${JSON.stringify(status)}`)
}

function tooMany(): unknown {
  return new ApiError('TooManyRequests', `at most ${MAX_WATCHES} watches run on one connection`).toStatus()
}

function parseMessage(data: Buffer): Message | undefined {
  try {
    const message = JSON.parse(data.toString('utf8')) as Message | null
    if (message === null || !Number.isSafeInteger(message.id)) return undefined
    if (message.stop === true) return { id: message.id, stop: true }
    const query = message.query ?? {}
    const isPlain = typeof query === 'object' && Object.values(query).every((value) => typeof value === 'string')
    const isPath = typeof message.path === 'string' && /^\/apis?\/[^?#]*$/.test(message.path)
    return isPlain && isPath ? { id: message.id, path: message.path, query } : undefined
  } catch {
    return undefined
  }
}
