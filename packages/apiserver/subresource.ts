import type { IncomingMessage } from 'node:http'
import type { Duplex, Readable } from 'node:stream'
import type { Answer, ServerRequest, StreamAnswer } from './request.ts'
import type { User } from './user.ts'

/** A call of a subresource. RBAC has allowed it. */
export interface SubresourceCall {
  user: User
  namespace: string
  name: string
  /** What follows the subresource in the path: `8080/tcp` of `…/portforward/8080/tcp`. */
  rest: string
  method: string
  query: URLSearchParams
  /** The parsed body; undefined without one. */
  body: unknown
  /** Names in lower case. */
  headers: ServerRequest['headers']
  /** Where the handler `streams`: the body as it comes, in place of `body`. */
  stream?: Readable
  signal: AbortSignal
}

/** What a subresource answers: `body` is sent as JSON, or as it is when it is a string or bytes. */
export interface SubresourceAnswer {
  status: number
  body: unknown
  contentType?: string
  /** In place of `body`: a file that is passed on as it comes, with its headers. */
  bytes?: { source: Readable; headers: Record<string, string> }
}

/**
 * What happens under `…/<plural>/<name>/<subresource>`, or with an empty `plural` name under `…/<subresource>` alone.
 *
 * The kind itself need not be served in this group and version: `subresources.kubevirt.io` has none.
 */
export interface SubresourceHandler {
  group: string
  version: string
  plural: string
  subresource: string
  namespaced: boolean
  methods: ('GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE')[]
  /** The kind named in discovery; that of the parent unless said. */
  kind?: string
  /** The handler takes bodies of any size and form, as a stream. */
  streams?: boolean
  /** @throws {ApiError} */
  handle?(call: SubresourceCall): Promise<SubresourceAnswer>
  /** Take over the connection of a WebSocket. Must answer or destroy the socket itself. */
  upgrade?(call: SubresourceCall, raw: IncomingMessage, socket: Duplex, head: Buffer): void | Promise<void>
}

/** What happens under a path that is not a resource's, such as a facade's. */
export interface RouteHandler {
  /** One method, or `*` for all. */
  method: string
  /** The path must equal it, or begin with it when it ends in `/`; `/` alone is only itself. */
  path: string
  /** Answer callers that are not known: logins. */
  anonymous?: boolean
  /** False where the handler itself sees to what the user may do (a facade that acts as the user). True unless said. */
  authorize?: boolean
  /**
   * Whether this request's body is of any size and form and comes as `request.stream`. The handler must look at who asks before
   * it reads, and hold no more of it than it needs.
   */
  streams?(request: ServerRequest): boolean
  /** @throws {ApiError} */
  handle(request: ServerRequest & { user: User }): Promise<Answer | StreamAnswer>
  upgrade?(
    request: ServerRequest & { user: User },
    raw: IncomingMessage,
    socket: Duplex,
    head: Buffer,
  ): void | Promise<void>
}
