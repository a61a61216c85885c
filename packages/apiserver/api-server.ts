import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { ApiError } from '@thresher/api/error'
import type { Kind } from '@thresher/api/kind'
import type { AdmissionStep } from './admission.ts'
import { anonymous as anonymousUser, authenticate, isOpenPath } from './auth/authenticate.ts'
import { forbidden } from './auth/forbidden.ts'
import { impersonate } from './auth/impersonation.ts'
import { BodyIntake } from './body/intake.ts'
import { CacheFeed } from './cache-feed.ts'
import { Compaction } from './compaction.ts'
import { definitionAdmission } from './crd/admission.ts'
import { CustomResources } from './crd/custom-resources.ts'
import { ApiDocuments } from './discovery/api-documents.ts'
import { EventExpiry } from './event-expiry.ts'
import { storeFailure } from './handler/commit.ts'
import type { Context } from './handler/context.ts'
import { dispatch, ownSubresources, readDryRun } from './handler/dispatch.ts'
import { methodNotAllowed, noSuchResource } from './handler/failures.ts'
import { requestInfo } from './handler/request-info.ts'
import { answerSubresource, findSubresource, subresourceCall } from './handler/subresources.ts'
import { Turns } from './handler/turns.ts'
import { healthRoutes, type HealthCheck } from './health.ts'
import { InProcessTransport } from './in-process-transport.ts'
import { Metrics } from './metrics.ts'
import { Registry } from './registry.ts'
import { RegistryObjects } from './registry-objects.ts'
import { textAnswer, valueAnswer, type RequestInfo, type ServerRequest, type ServerResponse } from './request.ts'
import { StoreError, type Store } from './store/store.ts'
import type { RouteHandler, SubresourceHandler } from './subresource.ts'
import type { Attributes, Authenticator, Authorizer, User } from './user.ts'
import { versionRoute } from './version-route.ts'

/** Told of every request when it is known who asks what, and again when it is answered. */
export interface AuditSink {
  /** @returns called with the HTTP status at the end */
  begin(request: ServerRequest, info: RequestInfo, user: User): (status: number, response?: unknown) => void
}

/** Holds requests back where one client asks for too much. */
export interface Limiter {
  /** @returns called when the request is done. @throws {ApiError} TooManyRequests */
  enter(user: User, info: RequestInfo, address?: string): (() => void) | Promise<() => void>
}

export interface ApiServerOptions {
  store: Store
  kinds: Kind[]
  authenticators: Authenticator[]
  authorizer: Authorizer
  admission: AdmissionStep[]
  subresources: SubresourceHandler[]
  routes: RouteHandler[]
  /** The product's version, such as 0.1.0; shown as part of a Kubernetes version that clients understand. */
  version: string
  /** Let callers without credentials pass as system:anonymous. False unless said. */
  anonymous?: boolean
  audit?: AuditSink
  limiter?: Limiter
  /** Beside the server's own checks, for /readyz. */
  healthChecks?: HealthCheck[]
  /** Milliseconds since 1970. */
  now?: () => number
  /** Milliseconds for a request on stored objects that is no watch; a minute unless said. */
  deadlineMs?: number
  /** Told in one sentence of what goes wrong beside the requests; standard error unless said. */
  onFault?: (message: string) => void
  /** Told of each request that took long. */
  onSlow?: (request: SlowRequest) => void
}

/** A request that took more than a second. */
export interface SlowRequest {
  method: string
  path: string
  status: number
  elapsedMs: number
}

const slowMs = 1000
const deadlineMs = 60_000

/**
 * The Kubernetes API over a store: authenticates, authorizes and answers requests, wherever they come from.
 *
 * {@link handle} is the one way in, for HTTPS ({@link HttpServer}) and for callers in the same process ({@link transport}).
 */
export class ApiServer {
  readonly registry: Registry
  readonly metrics = new Metrics()
  /** The cluster's objects as the server itself reads and writes them. */
  readonly objects: RegistryObjects
  readonly #options: ApiServerOptions
  readonly #feed: CacheFeed
  readonly #context: Context
  readonly #routes: RouteHandler[]
  readonly #compaction: Compaction
  readonly #eventExpiry: EventExpiry
  readonly #documents: ApiDocuments
  readonly #intake = new BodyIntake()
  readonly #customResources: CustomResources
  /** The caches are filled; callers within the process may begin. */
  #filled = false
  #ready = false

  constructor(options: ApiServerOptions) {
    this.#options = options
    this.#feed = new CacheFeed(options.store, options.onFault)
    this.registry = new Registry(this.#feed)
    this.#context = {
      store: options.store,
      feed: this.#feed,
      registry: this.registry,
      admission: [definitionAdmission, ...options.admission],
      turns: new Turns(),
      now: options.now ?? Date.now,
    }
    this.#documents = new ApiDocuments(
      () => this.registry.kinds(),
      () => [
        ...ownSubresources.filter((one) => this.registry.lookup(one.group, one.version, one.plural)),
        ...options.subresources,
      ],
      options.version,
    )
    this.registry.onChange(() => this.#documents.forget())
    this.#compaction = new Compaction(options.store, this.#feed, this.metrics, options.onFault)
    this.objects = new RegistryObjects(
      this.registry,
      this.transport({ name: 'system:apiserver', groups: ['system:masters'] }),
    )
    this.#eventExpiry = new EventExpiry(this.objects, this.#context.now)
    this.#customResources = new CustomResources(this.registry, this.objects)
    this.#routes = [
      ...options.routes,
      ...healthRoutes([
        { name: 'ping', check: () => undefined },
        { name: 'store', check: () => this.#feed.outage },
        {
          name: 'poststarthook/start-watch-caches',
          check: () => (this.#ready ? undefined : 'the caches are still being filled'),
        },
        ...(options.healthChecks ?? []),
      ]),
      versionRoute(options.version),
      { method: 'GET', path: '/metrics', handle: () => Promise.resolve(this.#metricsAnswer()) },
    ]
  }

  /** Fill the caches. Requests are answered with 503 until then. */
  async start(): Promise<void> {
    await this.registry.addAll(this.#options.kinds)
    await this.#feed.start()
    this.#filled = true
    await this.#customResources.start()
    this.#compaction.start()
    this.#eventExpiry.start()
    this.#ready = true
  }

  /** End all watches; the store stays open, it is its owner's to close. */
  close(): Promise<void> {
    this.#ready = false
    this.#customResources.close()
    this.#compaction.close()
    this.#eventExpiry.close()
    this.#intake.close()
    for (const resource of this.registry.resources()) resource.cache.end()
    this.#feed.close()
    return Promise.resolve()
  }

  /** The API for callers in this process, as this user. */
  transport(user: User): InProcessTransport {
    return new InProcessTransport((request) => this.handle(request), user)
  }

  /** Answer a request. Never throws: a failure is an answer with a Status. */
  async handle(request: ServerRequest): Promise<ServerResponse> {
    const started = performance.now()
    const warnings: string[] = []
    let info: RequestInfo | undefined
    let status = 500
    let response: ServerResponse
    const done: ((status: number) => void)[] = []
    try {
      info = requestInfo(request)
      response = await this.#answer(request, info, warnings, done)
    } catch (error) {
      response = this.#failure(error, request)
    }
    status = response.status
    for (const finish of done) finish(status)
    const elapsedMs = performance.now() - started
    this.metrics.request(info, status, elapsedMs)
    if (elapsedMs > slowMs && !request.stream && info?.verb !== 'watch')
      this.#options.onSlow?.({ method: request.method, path: request.path, status, elapsedMs: Math.round(elapsedMs) })
    return warnings.length > 0 ? { ...response, warnings } : response
  }

  /** Take over the connection of a WebSocket. A refusal is thrown. @throws {ApiError} */
  async upgrade(request: ServerRequest, raw: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const info = requestInfo(request)
    const route = this.#route(request)
    const user = await this.#user(request, route?.anonymous ?? false)
    if (route) {
      if (route.authorize !== false && !route.anonymous) await this.#authorize(user, info, request.query)
      if (!route.upgrade) throw methodNotAllowed()
      return route.upgrade({ ...request, user }, raw, socket, head)
    }
    await this.#authorize(user, info, request.query)
    const handler = findSubresource(this.#options.subresources, info)
    if (!handler?.upgrade) throw noSuchResource()
    this.#options.audit?.begin(request, info, user)(101)
    return handler.upgrade(subresourceCall(request, info, user, undefined, handler), raw, socket, head)
  }

  /** Who makes this request. @throws {ApiError} Unauthorized */
  authenticate(request: ServerRequest): Promise<User> {
    return this.#user(request, false)
  }

  async #answer(
    request: ServerRequest,
    info: RequestInfo,
    warnings: string[],
    done: ((status: number) => void)[],
  ): Promise<ServerResponse> {
    const route = this.#route(request)
    const open = route?.anonymous || isOpenPath(request.method, request.path)
    const { audit, limiter } = this.#options
    const user = await this.#user(request, open ?? false).catch((error: unknown) => {
      // Who is turned away at the door is written down as well.
      if (audit) done.push(audit.begin(request, info, anonymousUser))
      throw error
    })
    if (audit) done.push(audit.begin(request, info, user))
    const refusal = open || route?.authorize === false ? undefined : await this.#refusal(user, info, request)
    const handler = findSubresource(this.#options.subresources, info)
    const streams = !refusal && (route ? route.streams?.(request) : handler?.streams) === true
    if (!refusal) await this.#intake.take(request, user, streams)
    // Whoever sends slowly holds no seat meanwhile; nor does what goes on for long.
    if (limiter && !request.user && info.verb !== 'watch' && !streams)
      done.push(await limiter.enter(user, info, request.credentials?.remoteAddress))
    if (refusal) throw refusal
    if (route) return route.handle({ ...request, user })
    if (!info.resourceRequest) {
      const document = request.method === 'GET' ? this.#documents.answer(request) : undefined
      if (document) return document
      throw noSuchResource()
    }
    if (!this.#ready && !(this.#filled && request.user))
      throw new ApiError('ServiceUnavailable', 'the server is starting; try again', {
        details: { retryAfterSeconds: 1 },
      })
    if (handler) return answerSubresource(handler, request, info, user)
    const kind = this.registry.lookup(info.group, info.version, info.resource)
    const resource = kind && this.registry.resource(kind.group, kind.plural)
    if (!kind || !resource) throw noSuchResource()
    const call = { request, info, kind, user, dryRun: readDryRun(request.query), warnings }
    const answer = dispatch(this.#context, resource, call)
    return info.verb === 'watch' ? answer : withDeadline(answer, this.#options.deadlineMs ?? deadlineMs)
  }

  #route(request: ServerRequest): RouteHandler | undefined {
    const method = request.method === 'HEAD' ? 'GET' : request.method
    const path = request.path
    const found = this.#routes.filter((route) =>
      route.path.endsWith('/') && route.path !== '/'
        ? path.startsWith(route.path) || `${path}/` === route.path
        : path === route.path || path === `${route.path}/`,
    )
    const route = found.find((one) => one.method === '*' || one.method === method)
    if (!route && found.length > 0) throw methodNotAllowed()
    return route
  }

  async #user(request: ServerRequest, open: boolean): Promise<User> {
    if (request.user) return request.user
    const credentials = request.credentials ?? { headers: request.headers }
    const { authenticators, authorizer, anonymous } = this.#options
    const user = await authenticate(authenticators, credentials, { anonymous: anonymous || open }).catch(
      (error: unknown) => {
        // A stale token must not keep anyone from a page that needs none, such as the login itself.
        if (open) return authenticate([], { headers: {} }, { anonymous: true })
        throw error
      },
    )
    return impersonate(user, request.headers, authorizer)
  }

  /** Why the caller may not do this, if he may not. */
  async #refusal(user: User, info: RequestInfo, request: ServerRequest): Promise<unknown> {
    try {
      await this.#authorize(user, info, request.query)
      return undefined
    } catch (error) {
      return error
    }
  }

  async #authorize(user: User, info: RequestInfo, query: URLSearchParams): Promise<void> {
    const attributes: Attributes = {
      user,
      verb: info.verb,
      resourceRequest: info.resourceRequest,
      path: info.path,
      group: info.group,
      version: info.version,
      resource: info.resource,
      subresource: info.subresource,
      namespace: info.namespace || (info.resource === 'namespaces' && info.group === '' ? info.name : ''),
      name: info.name,
      fieldSelector: query.get('fieldSelector') ?? '',
      labelSelector: query.get('labelSelector') ?? '',
    }
    const decision = await this.#options.authorizer.authorize(attributes)
    if (decision.verdict !== 'allow') throw forbidden(attributes, decision.reason)
  }

  #failure(cause: unknown, request: ServerRequest): ServerResponse {
    const error = cause instanceof StoreError ? storeFailure(cause) : cause
    if (error instanceof ApiError) {
      const seconds = error.details?.retryAfterSeconds
      return {
        ...valueAnswer(error.code, error.toStatus()),
        ...(seconds === undefined ? {} : { headers: { 'retry-after': String(seconds) } }),
      }
    }
    this.metrics.unexpected()
    console.error(`unexpected failure in ${request.method} ${request.path}:`, error)
    const status = new ApiError('InternalError', 'an internal error has occurred; the server log says more').toStatus()
    return valueAnswer(500, status)
  }

  #metricsAnswer(): ServerResponse {
    const text = this.metrics.render([...this.registry.resources()], this.#feed.revision)
    return textAnswer(200, text, 'text/plain; version=0.0.4; charset=utf-8')
  }
}

/** The answer, if it comes in time. A write that comes later is done all the same, as its Status says. @throws {ApiError} Timeout */
async function withDeadline<T>(answer: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new ApiError(
            'Timeout',
            `the request did not complete within ${ms} ms; a write may still be done, look first`,
          ),
        ),
      ms,
    ).unref()
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}
