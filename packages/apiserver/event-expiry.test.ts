import { expect, test } from 'vitest'
import { Event } from '@thresher/api/core/event'
import { Namespace } from '@thresher/api/core/namespace'
import type { KubeList, KubeObject } from '@thresher/api/meta'
import { EventExpiry } from './event-expiry.ts'
import { startTestServer } from './testing.ts'

test('events go an hour after they were last seen', async () => {
  const start = Date.parse('2026-01-31T12:00:00Z')
  await using server = await startTestServer({ kinds: [Namespace, Event], now: () => start })
  const path = '/api/v1/namespaces/default/events'
  const event = (name: string, lastTimestamp: string) => ({
    metadata: { name },
    involvedObject: { kind: 'Pod', name: 'a', namespace: 'default' },
    lastTimestamp,
  })
  await server.transport().request({ method: 'POST', path, body: event('old', '2026-01-31T11:00:00Z') })
  await server.transport().request({ method: 'POST', path, body: event('again', '2026-01-31T12:30:00Z') })
  expect(await new EventExpiry(server.api.objects, () => start).sweep()).toBe(0)
  expect(await new EventExpiry(server.api.objects, () => start + 4_000_000).sweep()).toBe(1)
  const left = await server.transport().request<KubeList<KubeObject>>({ method: 'GET', path })
  expect(left.items.map((item) => item.metadata.name)).toEqual(['again'])
})
