import type { ApiServer } from '../api-server.ts'
import { tooLarge } from '../body/incoming-body.ts'
import type { ServerRequest } from '../request.ts'
import type { Credentials, User } from '../user.ts'

/** A request that can be made larger: one route with one form of body, header or query. */
export interface CostForm {
  name: string
  /** The request of size `n`; what `n` counts is for the form to say: keys, items, operations. */
  request(n: number): CostRequest | Promise<CostRequest>
  /** Sizes up to here are tried; beyond it the request is refused at the door. */
  most: number
}

export interface CostRequest {
  method: string
  path: string
  query?: URLSearchParams
  headers?: Record<string, string | string[]>
  body?: Buffer
  /** As an administrator unless said; null as a stranger. */
  user?: User | null
  /** The client certificate that TLS has verified. */
  certificate?: Credentials['certificate']
}

/** What one form costs. */
export interface Cost {
  name: string
  /** CPU time of the main thread at the largest size, in milliseconds. */
  ms: number
  /** How many times as much CPU time it took for four times the size, where that can be told. */
  growth: number | undefined
  status: number
}

const masters: User = { name: 'cost-search', groups: ['system:masters', 'system:authenticated'] }
/** Below this much CPU time the clock says nothing about growth. */
const leastMs = 8
/** Four times the size may take this many times as long: linear is 4, with sorting and memory 5 or so; quadratic 16. */
export const mostGrowth = 9

/** Which forms cost more than linear, or more than `mostMs` of the main thread at their largest size. */
export function excessive(costs: readonly Cost[], mostMs: number): Cost[] {
  return costs.filter(({ ms, growth }) => ms > mostMs || (growth !== undefined && growth > mostGrowth))
}

/**
 * Measure each form at its largest size and at a quarter of it. CPU time of this thread, so that a busy machine does not matter; the
 * least of several tries, since the compiler and the garbage collector come in between.
 */
export async function measure(api: ApiServer, forms: readonly CostForm[], tries = 3): Promise<Cost[]> {
  const costs: Cost[] = []
  for (const form of forms) {
    await run(api, await form.request(50))
    const small = await least(api, form, Math.floor(form.most / 4), tries)
    const large = await least(api, form, form.most, tries)
    const growth = small.ms >= leastMs / 8 && large.ms >= leastMs ? large.ms / small.ms : undefined
    costs.push({ name: form.name, ms: large.ms, growth, status: large.status })
  }
  return costs
}

async function least(
  api: ApiServer,
  form: CostForm,
  n: number,
  tries: number,
): Promise<{ ms: number; status: number }> {
  let best = { ms: Infinity, status: 0 }
  for (let attempt = 0; attempt < tries; attempt++) {
    const request = await form.request(n)
    const one = await run(api, request)
    if (one.ms < best.ms) best = one
    // What is this costly is costly: no need to make sure of it.
    if (one.ms > 2000) break
  }
  return best
}

async function run(api: ApiServer, request: CostRequest): Promise<{ ms: number; status: number }> {
  const { method, path, query = new URLSearchParams(), headers = {}, body, user } = request
  const server: ServerRequest = {
    method,
    path,
    query,
    headers: { 'content-type': 'application/json', ...headers },
    ...(body ? { incoming: incoming(body) } : {}),
    ...(user === null
      ? { credentials: { headers, certificate: request.certificate, remoteAddress: '192.0.2.1' } }
      : { user: user ?? masters }),
    signal: AbortSignal.timeout(60_000),
  }
  const before = process.threadCpuUsage()
  const answer = await api.handle(server)
  if ('chunks' in answer) for (const _ of answer.chunks());
  const { user: spent, system } = process.threadCpuUsage(before)
  return { ms: (spent + system) / 1000, status: answer.status }
}

function incoming(body: Buffer): NonNullable<ServerRequest['incoming']> {
  return {
    read: (limit) => (body.length > limit ? Promise.reject(tooLarge(limit)) : Promise.resolve(body)),
    stream: () => {
      throw new Error('nothing streams here')
    },
  }
}
