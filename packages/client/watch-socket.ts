import { ApiError, type Status } from '@thresher/api/error'
import type { WatchEvent } from '@thresher/api/meta'
import type { ApiRequest } from './transport.ts'

/** Silence after which the connection counts as cut: the server sends something every 15 s. */
const silenceMs = 40_000

/** One watch on the connection: what has come for it and is not taken yet. */
interface Channel {
  lines: string[]
  failure?: unknown
  ended: boolean
  wake: () => void
}

/**
 * Many watches over one WebSocket, for browsers, which have but six connections to a server.
 *
 * The client sends JSON: `{"id": 1, "path": "/api/v1/pods", "query": {…}}` begins a watch, `{"id": 1, "stop": true}` ends it. The server
 * sends text whose first line names the watch: `1` is followed by watch events, one a line; `1 end` says that it is over and
 * `1 error` that it was refused, with a Status; `ping` only says that the connection lives.
 *
 * The connection is opened with the first watch, and again with the next one after it was lost. A lost connection ends all its watches
 * with `ServiceUnavailable`; informers go on from where they were.
 */
export class WatchSocket {
  readonly #open: () => WebSocket
  readonly #channels = new Map<number, Channel>()
  #socket: WebSocket | undefined
  #opened: Promise<void> | undefined
  #silence: ReturnType<typeof setTimeout> | undefined
  #nextId = 1

  /** @param open makes a connection, such as `() => new WebSocket('wss://host/watches')` */
  constructor(open: () => WebSocket) {
    this.#open = open
  }

  /** Events until the server ends the watch. @throws {ApiError} when it is refused or the connection is lost; the signal's reason when aborted */
  async *watch<T>({
    path,
    query = {},
    signal,
  }: Pick<ApiRequest, 'path' | 'query' | 'signal'>): AsyncGenerator<WatchEvent<T>> {
    signal?.throwIfAborted()
    const socket = await this.#connected()
    const id = this.#nextId++
    const channel: Channel = { lines: [], ended: false, wake: () => {} }
    const onAbort = () => channel.wake()
    this.#channels.set(id, channel)
    signal?.addEventListener('abort', onAbort)
    try {
      socket.send(JSON.stringify({ id, path, query }))
      for (;;) {
        signal?.throwIfAborted()
        const lines = channel.lines
        channel.lines = []
        for (const line of lines) yield parseEvent<T>(line)
        if (channel.lines.length > 0) continue
        if (channel.failure !== undefined) throw channel.failure
        if (channel.ended) return
        await new Promise<void>((resolve) => (channel.wake = resolve))
      }
    } finally {
      signal?.removeEventListener('abort', onAbort)
      this.#channels.delete(id)
      if (!channel.ended && socket.readyState === socket.OPEN) socket.send(JSON.stringify({ id, stop: true }))
    }
  }

  /** Drop the connection; the next watch opens another. */
  close(): void {
    const socket = this.#socket
    this.#lost('the connection was closed')
    socket?.close()
  }

  async #connected(): Promise<WebSocket> {
    const socket = (this.#socket ??= this.#connect())
    await this.#opened
    return socket
  }

  #connect(): WebSocket {
    const socket = this.#open()
    const opened = Promise.withResolvers<void>()
    this.#opened = opened.promise
    opened.promise.catch(() => {})
    const lost = (message: string) => {
      opened.reject(new ApiError('ServiceUnavailable', message))
      if (this.#socket === socket) this.#lost(message)
    }
    socket.addEventListener('open', () => {
      opened.resolve()
      this.#heard()
    })
    socket.addEventListener('message', ({ data }) => {
      if (this.#socket !== socket) return
      this.#heard()
      if (typeof data === 'string') this.#take(data)
    })
    socket.addEventListener('error', () => lost('the API server cannot be reached'))
    socket.addEventListener('close', ({ code }) =>
      lost(code === 4401 ? 'the session has ended' : 'the connection to the API server was lost'),
    )
    return socket
  }

  #heard(): void {
    clearTimeout(this.#silence)
    this.#silence = setTimeout(() => this.close(), silenceMs)
  }

  #lost(message: string): void {
    clearTimeout(this.#silence)
    this.#socket = undefined
    for (const channel of this.#channels.values()) {
      channel.failure ??= new ApiError('ServiceUnavailable', message)
      channel.ended = true
      channel.wake()
    }
    this.#channels.clear()
  }

  #take(text: string): void {
    const end = text.indexOf('\n')
    const [id, verdict] = (end < 0 ? text : text.slice(0, end)).split(' ')
    const channel = this.#channels.get(Number(id))
    if (!channel) return
    const rest = end < 0 ? '' : text.slice(end + 1)
    if (verdict === 'end') channel.ended = true
    else if (verdict === 'error') {
      channel.failure = statusError(JSON.parse(rest) as Partial<Status>)
      channel.ended = true
    } else for (const line of rest.split('\n')) if (line !== '') channel.lines.push(line)
    channel.wake()
  }
}

function parseEvent<T>(line: string): WatchEvent<T> {
  const event = JSON.parse(line) as WatchEvent<T>
  if (event.type === 'ERROR') throw statusError(event.object as Partial<Status>)
  return event
}

function statusError(status: Partial<Status>): ApiError {
  return ApiError.fromStatus(status, status.code ?? 500)
}
