import { setTimeout as delay } from 'node:timers/promises'
import { Event } from '@thresher/api/core/event'
import { ApiError } from '@thresher/api/error'
import { defineKind } from '@thresher/api/kind'
import type { Condition, KubeObject } from '@thresher/api/meta'
import { Type } from '@thresher/api/type'
import { expect, onTestFinished, test } from 'vitest'
import { Client } from './client.ts'
import { defineController, runControllers, watch } from './controller.ts'
import { controllerReference } from './owner.ts'
import { subjectIs } from './subject.ts'
import { MemoryTransport } from './testing.ts'

type Owner = KubeObject & { status?: { conditions?: Condition[] } }
const Owner = defineKind({
  group: 'test.io',
  version: 'v1',
  kind: 'Owner',
  plural: 'owners',
  namespaced: true,
  status: Type.Object({ conditions: Type.Optional(Type.Array(Type.Object({}))) }),
})
const Part = defineKind({ group: 'test.io', version: 'v1', kind: 'Part', plural: 'parts', namespaced: true })

const makesPart = defineController({
  name: 'makes-part',
  watches: [watch(Owner), watch(Part, () => [])],
  subject: subjectIs(Owner),
  async reconcile(key, context) {
    const owner = context.objects(Owner).get(key)
    if (!owner) return
    const { name, namespace } = owner.metadata
    await context.objects(Part).ensure({
      metadata: { name, namespace, ownerReferences: [controllerReference(Owner, owner)] },
    })
  },
})

async function start() {
  const transport = new MemoryTransport()
  const stop = new AbortController()
  onTestFinished(() => stop.abort())
  const { context } = await runControllers([makesPart], { transport, signal: stop.signal, component: 'test' })
  const owners = new Client(transport).resource<Owner>(Owner)
  return { transport, context, owners, conditions: async () => (await owners.get('one', 'a')).status?.conditions }
}

/** Refuse to make parts until the returned function is called. */
function refuseParts(transport: MemoryTransport, error: Error): () => void {
  transport.interfere = ({ method, path }) => {
    if (method === 'POST' && path.endsWith('/parts')) throw error
  }
  return () => (transport.interfere = undefined)
}

test('a refusal shows on the object and in one event for all tries, and goes when a try succeeds', async () => {
  const { transport, context, owners, conditions } = await start()
  const allow = refuseParts(transport, new ApiError('Forbidden', 'parts "one" is forbidden: none today'))
  await owners.create({
    metadata: {
      namespace: 'a',
      name: 'one',
      ownerReferences: [{ apiVersion: 'v1', kind: 'Maker', name: 'user', uid: 'u', controller: true }],
    },
  })
  await expect.poll(conditions).toMatchObject([
    {
      type: 'Synchronized',
      status: 'False',
      reason: 'FailedCreate',
      message: 'parts "one" is forbidden: none today',
    },
  ])
  const tries = () => transport.requests.filter((request) => request.startsWith('POST') && request.endsWith('/parts'))
  await expect.poll(() => tries().length).toBeGreaterThan(4)
  await context.events.flushed()
  const { items } = await context.client.resource<Event>(Event).list()
  expect(items.map(({ involvedObject, type, count }) => [involvedObject.kind, type, count])).toEqual([
    ['Owner', 'Warning', 1],
    ['Maker', 'Warning', 1],
  ])
  allow()
  await expect.poll(conditions, { timeout: 10_000 }).toEqual([])
}, 20_000)

test('a refusal rests between its tries, and is over when its object goes', async () => {
  const { transport, owners } = await start()
  refuseParts(transport, new ApiError('Invalid', 'Part "one" is invalid: size: too much'))
  await owners.create({ metadata: { namespace: 'a', name: 'one' } })
  await delay(1000)
  const before = transport.requests.length
  expect(before).toBeLessThan(40)
  await owners.delete('one', 'a')
  await delay(2000)
  expect(transport.requests.length).toBeLessThan(before + 4)
})

test('neither a fault of the server nor a lost race is shown as a refusal', async () => {
  for (const reason of ['InternalError', 'ServiceUnavailable', 'Conflict'] as const) {
    const { transport, owners, conditions } = await start()
    refuseParts(transport, new ApiError(reason, 'not now'))
    await owners.create({ metadata: { namespace: 'a', name: 'one' } })
    await delay(100)
    expect(await conditions(), reason).toBeUndefined()
  }
})
