import { setTimeout as delay } from 'node:timers/promises'
import { Lease } from '@thresher/api/coordination/lease'
import type { Client, ResourceClient } from '../client.ts'
import { formatMicroTime } from '../conditions.ts'
import { Informer } from '../informer.ts'

export interface ElectionOptions {
  client: Client
  namespace: string
  /** The Lease that all candidates compete for. */
  name: string
  /** Unique among candidates that may run at once; a candidate that comes back under its old name goes on at once. */
  identity: string
  /** How long a silent leader keeps its office, as the others measure it; 15 000 ms unless said. */
  leaseMs?: number
  /** How often the leader renews; 5 000 ms unless said. Without a success for leaseMs − renewMs it steps down. */
  renewMs?: number
  signal: AbortSignal
  /** Lead. The signal aborts when the office is lost or the candidate stops; the promise should settle soon after. */
  lead(signal: AbortSignal): Promise<void>
  onError?: (error: unknown) => void
}

/**
 * Compete for a Lease until the signal aborts; call `lead` each time it is won.
 *
 * No clock of another host is trusted: a lease counts as expired when this process has *seen it unchanged* for its whole
 * duration by its own monotonic clock. The leader steps down by its own clock before others can take over.
 */
export async function electLeader(options: ElectionOptions): Promise<void> {
  const { client, namespace, name, signal } = options
  const informer = new Informer(client.resource(Lease), {
    namespace,
    fieldSelector: `metadata.name=${name}`,
    onError: options.onError,
  })
  const key = `${namespace}/${name}`
  let changed = Promise.withResolvers<void>()
  let seenAtMs = performance.now()
  informer.onChange(({ object }) => {
    if (object.metadata.name !== name) return
    seenAtMs = performance.now()
    changed.resolve()
    changed = Promise.withResolvers<void>()
  })
  const running = informer.run(signal)
  await informer.synced.catch(() => {})
  const leases = client.resource(Lease)
  while (!signal.aborted) {
    const held = informer.get(key)
    const waitMs = waitFor(held, options.identity, seenAtMs)
    if (waitMs > 0) {
      const pause = new AbortController()
      const either = AbortSignal.any([signal, pause.signal])
      await Promise.race([
        changed.promise,
        delay(waitMs * (1 + Math.random() * 0.2), undefined, { signal: either, ref: false }).catch(() => {}),
      ])
      pause.abort()
      continue
    }
    try {
      const won = await take(leases, held, options)
      informer.observe(won)
    } catch (error) {
      if (signal.aborted) break
      options.onError?.(error)
      await delay(200 + Math.random() * 300, undefined, { signal, ref: false }).catch(() => {})
      continue
    }
    await hold(leases, informer, key, options)
  }
  await running
}

/** How long to leave the lease alone, in milliseconds; 0 when it may be taken now. */
function waitFor(lease: Lease | undefined, identity: string, seenAtMs: number): number {
  const holder = lease?.spec?.holderIdentity
  if (!holder || holder === identity) return 0
  return Math.max(0, seenAtMs + (lease?.spec?.leaseDurationSeconds ?? 15) * 1000 - performance.now())
}

function take(leases: ResourceClient<Lease>, held: Lease | undefined, options: ElectionOptions): Promise<Lease> {
  const time = formatMicroTime(new Date())
  const { namespace, name, identity } = options
  const leaseDurationSeconds = Math.ceil((options.leaseMs ?? 15_000) / 1000)
  const spec = { holderIdentity: identity, leaseDurationSeconds, acquireTime: time, renewTime: time }
  if (!held) return leases.create({ metadata: { namespace, name }, spec: { ...spec, leaseTransitions: 0 } })
  const transitions = (held.spec?.leaseTransitions ?? 0) + (held.spec?.holderIdentity === identity ? 0 : 1)
  return leases.update({ ...held, spec: { ...held.spec, ...spec, leaseTransitions: transitions } })
}

/** Lead, and renew until that fails for too long, another holds the lease, or the candidate stops. */
async function hold(
  leases: ResourceClient<Lease>,
  informer: Informer<Lease>,
  key: string,
  options: ElectionOptions,
): Promise<void> {
  const leaseMs = options.leaseMs ?? 15_000
  const renewMs = options.renewMs ?? 5_000
  const office = new AbortController()
  const leadSignal = AbortSignal.any([options.signal, office.signal])
  const done = options.lead(leadSignal).catch((error: unknown) => {
    if (!leadSignal.aborted) options.onError?.(error)
  })
  const ended = done.then(() => office.abort(new Error('the leader ended its work')))
  let renewedAtMs = performance.now()
  while (!leadSignal.aborted) {
    await delay(renewMs, undefined, { signal: leadSignal, ref: false }).catch(() => {})
    if (leadSignal.aborted) break
    const startedAtMs = performance.now()
    try {
      const held = informer.get(key)
      if (!held || held.spec?.holderIdentity !== options.identity) throw new Error(`${key} is held by another`)
      const renewed = await leases.update(
        { ...held, spec: { ...held.spec, renewTime: formatMicroTime(new Date()) } },
        { signal: AbortSignal.any([leadSignal, AbortSignal.timeout(renewMs)]) },
      )
      informer.observe(renewed)
      renewedAtMs = startedAtMs
    } catch (error) {
      if (leadSignal.aborted) break
      options.onError?.(error)
      const holder = informer.get(key)?.spec?.holderIdentity
      const lost = holder !== undefined && holder !== options.identity
      if (lost || performance.now() - renewedAtMs + renewMs >= leaseMs)
        office.abort(new Error(`the lease ${key} could not be renewed`))
    }
  }
  await Promise.all([done, ended])
  await release(leases, informer, key, options)
}

/** Leave the office free, so that the next leader need not wait. */
async function release(
  leases: ResourceClient<Lease>,
  informer: Informer<Lease>,
  key: string,
  options: ElectionOptions,
): Promise<void> {
  const held = informer.get(key)
  if (held?.spec?.holderIdentity !== options.identity) return
  const freed = { ...held, spec: { ...held.spec, holderIdentity: '', renewTime: formatMicroTime(new Date()) } }
  await leases.update(freed, { signal: AbortSignal.timeout(1000) }).catch((error: unknown) => options.onError?.(error))
}
