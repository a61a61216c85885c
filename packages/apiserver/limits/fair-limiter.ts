import { ApiError } from '@thresher/api/error'
import type { Limiter } from '../api-server.ts'
import type { RequestInfo } from '../request.ts'
import type { User } from '../user.ts'
import { network } from '../auth/local/guess-limiter.ts'

/** How much may run at once, and how much of it for one user. */
export interface LimitSettings {
  /** Requests that run at once, all users together. */
  seats: number
  /** Of these, for one user: below `seats`, so that a newcomer always finds a seat soon. */
  seatsPerUser: number
  /** Requests of one user that wait for a seat; further ones are refused. */
  queuePerUser: number
  /** After which a waiting request is refused. */
  waitMs: number
  /** Cost units that a user may spend per second, and at once after a pause. A get costs 1. */
  ratePerSecond: number
  burst: number
}

const defaultLimits: LimitSettings = {
  seats: 128,
  seatsPerUser: 96,
  queuePerUser: 512,
  waitMs: 15_000,
  ratePerSecond: 5000,
  burst: 10_000,
}

/** What verbs cost beside a get: a list touches many objects, a write waits for the disk. */
const costs: { [verb: string]: number | undefined } = {
  list: 10,
  deletecollection: 50,
  create: 2,
  update: 2,
  patch: 2,
  delete: 2,
}
const healthPaths = new Set(['/livez', '/readyz', '/healthz', '/version'])
/** A user without requests for this long is forgotten. */
const idleMs = 60_000

interface Waiting {
  go(): void
  refuse(error: ApiError): void
  timer: NodeJS.Timeout
}

interface Flow {
  key: string
  running: number
  queue: Waiting[]
  tokens: number
  filledAt: number
}

/**
 * Shares the server fairly between users, so that one mad client cannot starve the others.
 *
 * Each user has a bucket of cost units and a queue of his own; free seats go to the queues in turn. Watches are not
 * counted here, they hold no seat. Nor are health checks and leases: a server under load must not look dead for it.
 */
export class FairLimiter implements Limiter {
  readonly #settings: LimitSettings
  readonly #now: () => number
  readonly #flows = new Map<string, Flow>()
  /** Users with waiting requests, the next one first. */
  readonly #turn: Flow[] = []
  #running = 0
  #sweptAt: number

  /** @param now milliseconds of a clock that nobody sets */
  constructor(settings: Partial<LimitSettings> = {}, now: () => number = () => performance.now()) {
    this.#settings = { ...defaultLimits, ...settings }
    this.#now = now
    this.#sweptAt = now()
  }

  /**
   * @param address tells callers that are not known apart, so that one flood of them does not keep others from logging in
   * @returns to be called when the request is done. @throws {ApiError} TooManyRequests, with `retryAfterSeconds`
   */
  enter(
    user: User,
    info: Pick<RequestInfo, 'verb' | 'resourceRequest' | 'path' | 'group' | 'resource'>,
    address = '',
  ): (() => void) | Promise<() => void> {
    if (isExempt(info)) return () => undefined
    const flow = this.#flow(user.groups.includes('system:unauthenticated') ? `address ${network(address)}` : user.name)
    this.#spend(flow, costs[info.verb] ?? 1)
    const { seats, seatsPerUser, queuePerUser, waitMs } = this.#settings
    if (flow.queue.length === 0 && flow.running < seatsPerUser && this.#running < seats) return this.#start(flow)
    if (flow.queue.length >= queuePerUser) throw tooMany(user, 1)
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        go: () => resolve(this.#start(flow)),
        refuse: reject,
        timer: setTimeout(() => {
          flow.queue.splice(flow.queue.indexOf(waiting), 1)
          reject(tooMany(user, 5))
        }, waitMs),
      }
      if (flow.queue.length === 0) this.#turn.push(flow)
      flow.queue.push(waiting)
    })
  }

  #start(flow: Flow): () => void {
    flow.running += 1
    this.#running += 1
    let done = false
    return () => {
      if (done) return
      done = true
      flow.running -= 1
      this.#running -= 1
      this.#next()
    }
  }

  #next(): void {
    for (let looked = this.#turn.length; looked > 0 && this.#running < this.#settings.seats; looked--) {
      const flow = this.#turn.shift() as Flow
      const waiting = flow.running < this.#settings.seatsPerUser ? flow.queue.shift() : undefined
      if (flow.queue.length > 0) this.#turn.push(flow)
      if (!waiting) continue
      clearTimeout(waiting.timer)
      waiting.go()
      looked = this.#turn.length + 1
    }
  }

  #spend(flow: Flow, cost: number): void {
    const now = this.#now()
    const { ratePerSecond, burst } = this.#settings
    flow.tokens = Math.min(burst, flow.tokens + ((now - flow.filledAt) / 1000) * ratePerSecond)
    flow.filledAt = now
    if (flow.tokens < cost)
      throw tooMany({ name: flow.key }, Math.max(1, Math.ceil((cost - flow.tokens) / ratePerSecond)))
    flow.tokens -= cost
  }

  #flow(key: string): Flow {
    const now = this.#now()
    if (now - this.#sweptAt > idleMs) {
      this.#sweptAt = now
      for (const [name, flow] of this.#flows)
        if (flow.running === 0 && flow.queue.length === 0 && now - flow.filledAt > idleMs) this.#flows.delete(name)
    }
    let flow = this.#flows.get(key)
    if (!flow) {
      flow = { key, running: 0, queue: [], tokens: this.#settings.burst, filledAt: now }
      this.#flows.set(key, flow)
    }
    return flow
  }
}

function isExempt({
  resourceRequest,
  path,
  group,
  resource,
}: Pick<RequestInfo, 'resourceRequest' | 'path' | 'group' | 'resource'>): boolean {
  return resourceRequest ? group === 'coordination.k8s.io' && resource === 'leases' : healthPaths.has(path)
}

function tooMany(user: Pick<User, 'name'>, retryAfterSeconds: number): ApiError {
  return new ApiError(
    'TooManyRequests',
    `too many requests of ${JSON.stringify(user.name)} at once; send them more slowly, or again after ${retryAfterSeconds} s`,
    {
      details: { retryAfterSeconds },
    },
  )
}
