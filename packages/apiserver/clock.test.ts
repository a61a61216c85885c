import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { ConfigMap } from '@thresher/api/core/config-map'
import { Event } from '@thresher/api/core/event'
import { Namespace } from '@thresher/api/core/namespace'
import { ServiceAccount } from '@thresher/api/core/service-account'
import { Lease } from '@thresher/api/coordination/lease'
import type { KubeObject, WatchEvent } from '@thresher/api/meta'
import { generateKeyPairSync } from 'node:crypto'
import { TokenKeys } from './auth/service-account/jwt.ts'
import { TokenIssuer } from './auth/service-account/token-issuer.ts'
import { GuessLimiter } from './auth/local/guess-limiter.ts'
import { EventExpiry } from './event-expiry.ts'
import { FairLimiter } from './limits/fair-limiter.ts'
import { admin, startTestServer, type TestServer } from './testing.ts'

const DAY = 86_400_000
const noon = Date.parse('2026-06-01T12:00:00Z')
/** A day ahead, two days back, more than a year ahead, and right again. */
const jumps = [noon + DAY, noon - DAY, noon + 400 * DAY, noon + 1000]

let clock = noon
let server: TestServer
const call = async <T>(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown) =>
  (await server.transport().request({ method, path, body, contentType: contentType(method) })) as T
const contentType = (method: string) => (method === 'PATCH' ? 'application/merge-patch+json' : undefined)
const core = '/api/v1/namespaces/default'

beforeAll(async () => {
  server = await startTestServer({ kinds: [Namespace, ConfigMap, Event, Lease, ServiceAccount], now: () => clock })
})
afterAll(() => server.close())

describe('a wall clock that jumps', () => {
  test('leaves writes, versions, lists and watches in order', async () => {
    const stop = new AbortController()
    const seen: number[] = []
    const watching = (async () => {
      const events = server
        .transport()
        .watch({ method: 'GET', path: `${core}/configmaps?watch=true`, signal: stop.signal })
      for await (const { object } of events as AsyncIterable<WatchEvent>)
        seen.push(Number((object as KubeObject).metadata.resourceVersion))
    })().catch(() => undefined)
    let last = 0
    for (const [index, jump] of jumps.entries()) {
      clock = jump
      const made = await call<KubeObject>('POST', `${core}/configmaps`, { metadata: { name: `c-${index}` } })
      expect(made.metadata.creationTimestamp).toBe(`${new Date(jump).toISOString().slice(0, 19)}Z`)
      const patched = await call<KubeObject>('PATCH', `${core}/configmaps/c-0`, { data: { index: String(index) } })
      expect(Number(made.metadata.resourceVersion)).toBeGreaterThan(last)
      last = Number(patched.metadata.resourceVersion)
      expect(last).toBeGreaterThan(Number(made.metadata.resourceVersion))
      const list = await call<{ items: KubeObject[] }>('GET', `${core}/configmaps`)
      expect(list.items.map(({ metadata }) => metadata.name)).toContain(`c-${index}`)
    }
    await expect.poll(() => seen.at(-1)).toBe(last)
    expect(seen).toEqual(seen.toSorted((left, right) => left - right))
    stop.abort()
    await watching
  })

  test('leaves leases to whoever renews them', async () => {
    const leases = '/apis/coordination.k8s.io/v1/namespaces/default/leases'
    let lease = await call<Lease>('POST', leases, { metadata: { name: 'l' }, spec: { holderIdentity: 'a' } })
    for (const jump of jumps) {
      clock = jump
      const renewTime = `${new Date(jump).toISOString().slice(0, -1)}000Z`
      lease = await call<Lease>('PUT', `${leases}/l`, { ...lease, spec: { ...lease.spec, renewTime } })
      expect(lease.spec?.renewTime).toBe(renewTime)
    }
  })

  test('keeps events whose time is still to come, and removes them once they are old', async () => {
    const expiry = new EventExpiry(server.api.objects, () => clock)
    clock = noon + DAY
    const involvedObject = { kind: 'ConfigMap', namespace: 'default', name: 'c-0' }
    await call('POST', `${core}/events`, { metadata: { name: 'e' }, involvedObject, reason: 'Made', message: 'm' })
    clock = noon - DAY
    expect(await expiry.sweep()).toBe(0)
    clock = noon + DAY + 3_500_000
    expect(await expiry.sweep()).toBe(0)
    clock = noon + DAY + 3_700_000
    expect(await expiry.sweep()).toBe(1)
  })

  test('makes nobody wait longer', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: noon })
    try {
      const guesses = new GuessLimiter()
      for (let index = 0; index < 6; index += 1) guesses.tried('anna', '192.0.2.1')
      const limiter = new FairLimiter()
      const info = { verb: 'get', resourceRequest: true, path: '', group: '', resource: 'pods' }
      ;(await limiter.enter(admin, info))()
      vi.setSystemTime(noon - DAY)
      expect(guesses.waitMs('anna', '192.0.2.1')).toBeLessThan(10_000)
      ;(await limiter.enter(admin, info))()
    } finally {
      vi.useRealTimers()
    }
  })

  test('turns no token away but one that has expired', async () => {
    clock = noon
    const account = await call<KubeObject>('POST', `${core}/serviceaccounts`, { metadata: { name: 'robot' } })
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const keys = new TokenKeys({
      signing: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
      verifying: [],
    })
    const issuer = new TokenIssuer({
      issuer: 'https://test',
      keys,
      objects: () => server.api.objects,
      now: () => clock,
    })
    const expiresAt = noon / 1000 + 3600
    const token = issuer.issue({
      namespace: 'default',
      name: 'robot',
      uid: account.metadata.uid!,
      audiences: [],
      expiresAt,
    })
    for (const good of [noon, noon - DAY, noon + 3_599_000]) {
      clock = good
      expect(issuer.verify(token)?.user.name).toBe('system:serviceaccount:default:robot')
    }
    clock = noon + 3_600_000
    expect(() => issuer.verify(token)).toThrow('the token has expired')
  })
})
