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
/** What takes less than this at its largest is cheap, however it grows. */
const cheapMs = 12
/** The kernel counts CPU time in ticks of up to 4 ms: runs of one form are repeated until they took this much together. */
const enoughMs = 40
const mostRuns = 12
/** Four times the size may take this many times as long: linear is 4, with sorting and memory 5 or so; quadratic 16. */
export const mostGrowth = 9

/** Which forms cost more than linear, or more than `mostMs` of the main thread at their largest size. */
export function excessive(costs: readonly Cost[], mostMs: number): Cost[] {
  return costs.filter(({ ms, growth }) => ms > mostMs || (growth !== undefined && growth > mostGrowth))
}

/** Measure each form at its largest size and at a quarter of it, in CPU time of this thread, so that a busy machine matters little. */
export async function measure(api: Pick<ApiServer, 'handle'>, forms: readonly CostForm[]): Promise<Cost[]> {
  const costs: Cost[] = []
  for (const form of forms) {
    // The compiler comes in on the way: not the first run counts.
    await run(api, await form.request(50))
    const first = await run(api, await form.request(form.most))
    const large = first.ms < cheapMs ? first : await average(api, form, form.most)
    const small = large.ms < cheapMs ? undefined : await average(api, form, Math.floor(form.most / 4))
    // Below a few ticks the clock says nothing about growth.
    const growth = small && small.totalMs >= enoughMs / 2 ? large.ms / small.ms : undefined
    costs.push({ name: form.name, ms: large.ms, growth, status: large.status })
  }
  return costs
}

async function average(
  api: Pick<ApiServer, 'handle'>,
  form: CostForm,
  n: number,
): Promise<{ ms: number; totalMs: number; status: number }> {
  let totalMs = 0
  let status = 0
  let runs = 0
  while (totalMs < enoughMs && runs < mostRuns) {
    const one = await run(api, await form.request(n))
    totalMs += one.ms
    status = one.status
    runs++
  }
  return { ms: totalMs / runs, totalMs, status }
}

async function run(api: Pick<ApiServer, 'handle'>, request: CostRequest): Promise<{ ms: number; status: number }> {
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
