import { ApiError } from '@thresher/api/error'
import type { WatchEvent } from '@thresher/api/meta'
import { errorOf, queryText } from './answer.ts'
import type { ApiRequest, Transport } from './transport.ts'
import type { WatchSocket } from './watch-socket.ts'

export interface FetchTransportOptions {
  /** What stands before every path, without a slash at its end: empty, a prefix or `https://host:port`. */
  base: string
  /** Over which watches come. */
  sockets: WatchSocket
  /** How long a request may take, 30 000 ms unless said. */
  timeoutMs?: number
  /** Called with every failure before it is thrown: a session that has ended, a server that is away. */
  onFailure?: (error: ApiError) => void
  /** Called when the server has answered. */
  onAnswer?: () => void
}

/** The API as a page reaches it: requests by fetch with the browser's cookies, watches over one WebSocket. */
export function fetchTransport(options: FetchTransportOptions): Transport {
  const { base, sockets, timeoutMs = 30_000, onFailure, onAnswer } = options
  const failed = (error: ApiError): ApiError => {
    onFailure?.(error)
    return error
  }
  return {
    async request<T>(request: ApiRequest): Promise<T> {
      const { method, path, query, body, contentType = 'application/json', signal } = request
      const timeout = AbortSignal.timeout(timeoutMs)
      try {
        const response = await fetch(base + path + queryText(query), {
          method,
          headers: { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': contentType }) },
          body: body === undefined ? undefined : JSON.stringify(body),
          credentials: 'same-origin',
          cache: 'no-store',
          signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
        })
        const text = await response.text()
        onAnswer?.()
        if (!response.ok) throw failed(errorOf(response.status, text))
        return (text === '' || !/json/.test(response.headers.get('content-type') ?? '') ? text : JSON.parse(text)) as T
      } catch (error) {
        if (error instanceof ApiError) throw error
        if (signal?.aborted) throw signal.reason
        const reason = timeout.aborted ? 'Timeout' : 'ServiceUnavailable'
        throw failed(new ApiError(reason, 'the API server cannot be reached', { cause: error }))
      }
    },

    async *watch<T>(request: ApiRequest): AsyncGenerator<WatchEvent<T>> {
      try {
        yield* sockets.watch<T>(request)
      } catch (error) {
        if (request.signal?.aborted) throw request.signal.reason
        throw error instanceof ApiError ? failed(error) : error
      }
    },

    close(): Promise<void> {
      sockets.close()
      return Promise.resolve()
    },
  }
}
