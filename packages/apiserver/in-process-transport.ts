import { ApiError, type Status } from '@thresher/api/error'
import type { WatchEvent } from '@thresher/api/meta'
import { isStream, type ServerRequest, type ServerResponse } from './request.ts'
import type { User } from './user.ts'

/** One call, as clients of every transport put it. */
export interface TransportRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  path: string
  query?: Record<string, string | undefined>
  body?: unknown
  contentType?: string
  signal?: AbortSignal
}

/**
 * The API without HTTP, for programs in the server's process: authorized as their user like any other, but without TLS,
 * and objects come as they lie in the cache. They are shared and must not be changed.
 */
export class InProcessTransport {
  readonly #handle: (request: ServerRequest) => Promise<ServerResponse>
  readonly #user: User
  readonly #closed = new AbortController()

  constructor(handle: (request: ServerRequest) => Promise<ServerResponse>, user: User) {
    this.#handle = handle
    this.#user = user
  }

  /** The answer's value. @throws {ApiError} for any status of 400 and above; the signal's reason when aborted */
  async request<T = unknown>(request: TransportRequest): Promise<T> {
    request.signal?.throwIfAborted()
    const response = await this.#handle(this.#toServer(request))
    if (isStream(response)) throw new ApiError('BadRequest', `${request.path} is a watch; call watch for it`)
    const value = response.value()
    if (response.status < 400) return value as T
    throw ApiError.fromStatus(typeof value === 'object' ? (value as Partial<Status>) : {}, response.status)
  }

  /** Events until the server ends the watch or the signal aborts. @throws {ApiError} for an ERROR event */
  async *watch<T = unknown>(request: TransportRequest): AsyncIterable<WatchEvent<T>> {
    const query = { ...request.query, watch: 'true' }
    const response = await this.#handle(this.#toServer({ ...request, query }))
    if (!isStream(response)) throw ApiError.fromStatus(response.value() as Partial<Status>, response.status)
    for await (const event of response.values() as AsyncIterable<WatchEvent<T>>) {
      if (event.type === 'ERROR') throw ApiError.fromStatus(event.object as Partial<Status>, 500)
      yield event
    }
  }

  close(): Promise<void> {
    this.#closed.abort()
    return Promise.resolve()
  }

  #toServer(request: TransportRequest): ServerRequest {
    const query = new URLSearchParams()
    for (const [name, value] of Object.entries(request.query ?? {})) if (value !== undefined) query.set(name, value)
    const question = request.path.indexOf('?')
    if (question >= 0) {
      for (const [name, value] of new URLSearchParams(request.path.slice(question + 1))) query.append(name, value)
    }
    return {
      method: request.method,
      path: question >= 0 ? request.path.slice(0, question) : request.path,
      query,
      headers: {
        'content-type': request.contentType ?? 'application/json',
        accept: 'application/json',
        'user-agent': this.#user.name.replaceAll('/', '-'),
      },
      object: request.body,
      user: this.#user,
      signal: request.signal ? AbortSignal.any([request.signal, this.#closed.signal]) : this.#closed.signal,
    }
  }
}
