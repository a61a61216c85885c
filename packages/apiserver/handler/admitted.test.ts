import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { ConfigMap } from '@thresher/api/core/config-map'
import { Namespace } from '@thresher/api/core/namespace'
import type { AdmissionStep } from '../admission.ts'
import type { SlowRequest } from '../api-server.ts'
import { startTestServer } from '../testing.ts'

const path = '/api/v1/namespaces/default/configmaps'
const only = (name: string, mutate: (object: Record<string, unknown>) => void | Promise<void>): AdmissionStep => ({
  name,
  mutate: ({ kind, object }) => (kind.plural === 'configmaps' && object ? mutate(object as never) : undefined),
})

test.each([
  [
    'a label that none can have',
    (object: Record<string, unknown>) => void Object.assign(object.metadata as object, { labels: { a: 'no good!' } }),
    'metadata.labels',
  ],
  [
    'a value of the wrong type',
    (object: Record<string, unknown>) => void Object.assign(object, { data: { a: 5 } }),
    'data.a',
  ],
])('%s, written by an admission step, is refused as if the caller had sent it', async (_what, mutate, field) => {
  await using server = await startTestServer({ kinds: [Namespace, ConfigMap], admission: [only('Wrong', mutate)] })
  const request = server.transport().request({ method: 'POST', path, body: { metadata: { name: 'a' } } })
  await expect(request).rejects.toMatchObject({ reason: 'Invalid', message: expect.stringContaining(field) as unknown })
  expect(server.api.registry.cache(ConfigMap)?.get('default/a')).toBeUndefined()
})

test('a request that takes too long is answered all the same, and one that took long is reported', async () => {
  const slow: SlowRequest[] = []
  await using server = await startTestServer({
    kinds: [Namespace, ConfigMap],
    admission: [only('Slow', async (object) => (object.data ? delay(1200).then(() => undefined) : undefined))],
    deadlineMs: 1100,
    onSlow: (request) => slow.push(request),
  })
  const body = { metadata: { name: 'a' }, data: { a: 'b' } }
  await expect(server.transport().request({ method: 'POST', path, body })).rejects.toMatchObject({ reason: 'Timeout' })
  expect(slow).toMatchObject([{ method: 'POST', path, status: 504 }])
  await server.transport().request({ method: 'POST', path, body: { metadata: { name: 'quick' } } })
  expect(slow).toHaveLength(1)
  await delay(150)
})
