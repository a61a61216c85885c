import type { WatchEvent } from '@thresher/api/meta'

/** One call of the Kubernetes API, without the connection it goes over. */
export interface ApiRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Absolute, each part already percent-encoded: `/api/v1/namespaces/default/pods/web`. */
  path: string
  query?: Record<string, string | undefined>
  /** Sent as JSON. */
  body?: unknown
  /** `application/json` unless said; patches name their kind here. */
  contentType?: string
  signal?: AbortSignal
}

/**
 * How a client reaches the API: over HTTPS, or in the server's own process.
 *
 * Objects that come out of a transport are shared and must be treated as read-only.
 */
export interface Transport {
  /** The parsed answer. @throws {ApiError} for any status of 400 and above; the signal's reason when aborted */
  request<T = unknown>(request: ApiRequest): Promise<T>
  /**
   * Watch events, until the server ends the watch or the signal aborts.
   * `query` needs no `watch=true`; an ERROR event is thrown as {@link ApiError}.
   */
  watch<T = unknown>(request: ApiRequest): AsyncIterable<WatchEvent<T>>
  close(): Promise<void>
}
