import { ConfigMap } from '@thresher/api/core/config-map'
import { Namespace } from '@thresher/api/core/namespace'
import { CustomResourceDefinition } from '@thresher/api/apiextensions/custom-resource-definition'
import type { KubeObject } from '@thresher/api/meta'
import { startTestServer, type TestServer } from '@thresher/apiserver/testing'
import { Client } from '@thresher/client/client'
import { runControllers } from '@thresher/client/controller'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { garbageCollector } from './garbage-collector.ts'

let server: TestServer
let client: Client
let stop: AbortController

beforeEach(async () => {
  stop = new AbortController()
  server = await startTestServer({ kinds: [Namespace, ConfigMap, CustomResourceDefinition] })
  client = new Client(server.transport())
})
afterEach(async () => {
  stop.abort(new Error('test over'))
  await server.close()
})

const collect = () =>
  runControllers([garbageCollector()], { transport: server.transport(), signal: stop.signal, component: 'test' })
const maps = () => client.resource<KubeObject>(ConfigMap)

/** ConfigMaps `a`, `b`, … each owned by the one before it and the first by the last, blocking. */
async function makeCycle(names: string[]): Promise<void> {
  const uids = new Map<string, string>()
  for (const name of names) {
    const made = await maps().create({ metadata: { name, namespace: 'default' } } as KubeObject)
    uids.set(name, made.metadata.uid ?? '')
  }
  for (const [index, name] of names.entries()) {
    const owner = names.at(index - 1)!
    const ownerReferences = [
      { apiVersion: 'v1', kind: 'ConfigMap', name: owner, uid: uids.get(owner)!, blockOwnerDeletion: true },
    ]
    await maps().patch(name, 'default', { metadata: { ownerReferences } })
  }
}

async function left(): Promise<string[]> {
  return (await maps().list({ namespace: 'default' })).items.map(({ metadata }) => metadata.name ?? '')
}

async function untilGone(): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if ((await left()).length === 0) return
    await delay(10)
  }
  throw new Error(`still there: ${(await left()).join()}`)
}

const foreground = { propagationPolicy: 'Foreground' } as const

test.each([[['a']], [['a', 'b']], [['a', 'b', 'c']], [['a', 'b', 'c', 'd', 'e', 'f']]])(
  'a cycle of owners %j goes in the foreground when one of them is deleted',
  async (names) => {
    await makeCycle(names)
    await collect()
    await maps().delete('a', 'default', foreground)
    await untilGone()
  },
)

test('a cycle goes in the background', async () => {
  await makeCycle(['a', 'b', 'c'])
  await collect()
  await maps().delete('b', 'default', { propagationPolicy: 'Background' })
  await untilGone()
})

test('a cycle of which all are deleted in the foreground goes, also when the collector only starts then', async () => {
  await makeCycle(['a', 'b', 'c'])
  for (const name of ['a', 'b', 'c']) await maps().delete(name, 'default', foreground)
  expect(await left()).toEqual(['a', 'b', 'c'])
  await collect()
  await untilGone()
})

test('in the foreground an owner outlives its dependents, down to the last', async () => {
  const make = async (name: string, owner?: KubeObject) =>
    maps().create({
      metadata: {
        name,
        namespace: 'default',
        ...(owner
          ? {
              ownerReferences: [
                {
                  apiVersion: 'v1',
                  kind: 'ConfigMap',
                  name: owner.metadata.name!,
                  uid: owner.metadata.uid!,
                  blockOwnerDeletion: true,
                },
              ],
            }
          : {}),
      },
    } as KubeObject)
  const a = await make('a')
  const b = await make('b', a)
  await make('c', b)
  await maps().patch('c', 'default', { metadata: { finalizers: ['test.example/held'] } })
  await collect()
  await maps().delete('a', 'default', foreground)
  await delay(100)
  expect(await left()).toEqual(['a', 'b', 'c'])
  await maps().patch('c', 'default', { metadata: { finalizers: null } })
  await untilGone()
})
