import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ConfigMap } from '@thresher/api/core/config-map'
import { Namespace } from '@thresher/api/core/namespace'
import type { KubeList, KubeObject } from '@thresher/api/meta'
import { startTestServer } from '../testing.ts'
import { storeConformance } from './conformance.ts'
import { startEtcdCluster, type EtcdCluster } from './etcd-cluster.ts'
import { EtcdStore } from './etcd.ts'
import type { StoreEvent } from './store.ts'

let cluster: EtcdCluster
beforeAll(async () => {
  cluster = await startEtcdCluster(3)
}, 60_000)
afterAll(() => cluster[Symbol.asyncDispose]())

const open = (root?: string) => EtcdStore.open({ endpoints: cluster.endpoints, root })
const value = (text: string) => Buffer.from(text)

describe('an etcd store', () => {
  storeConformance({ open: () => open(), reopen: true })
})

test('a value that the transform of etcd’s reader refuses reaches list and watch as unreadable, and what follows it arrives', async () => {
  const transform = {
    toStore: (_key: string, plain: Uint8Array) => plain,
    fromStore: (key: string, stored: Uint8Array) => {
      if (key.endsWith('/foreign')) throw new Error('the key is not in the key file')
      return stored
    },
  }
  await using scope = new AsyncDisposableStack()
  const store = await EtcdStore.open({ endpoints: cluster.endpoints, root: '/unreadable', transform })
  scope.defer(() => store.close())
  const seen: StoreEvent[] = []
  const stop = store.watch('/', await store.currentRevision(), {
    onEvents: (events) => seen.push(...events),
    onLost: (error) => {
      throw error
    },
  })
  scope.defer(stop)
  await store.create('/k/x/foreign', value('v'))
  await store.create('/k/x/own', value('v'))
  await expect
    .poll(() => seen.map(({ key, unreadable }) => [key, unreadable?.message]))
    .toEqual([
      ['/k/x/foreign', 'the key is not in the key file'],
      ['/k/x/own', undefined],
    ])
  for await (const page of store.list('/k/')) {
    expect(page.items.map(({ key }) => key)).toEqual(['/k/x/own'])
    expect(page.unreadable.map(({ key }) => key)).toEqual(['/k/x/foreign'])
  }
})

describe('an etcd store that loses members', () => {
  test('goes on, and its watches miss nothing, when the member it talks to is killed and when one is frozen', async () => {
    const store = await open('/faults')
    try {
      const seen: StoreEvent[] = []
      const stop = store.watch('/', await store.currentRevision(), {
        onEvents: (events) => seen.push(...events),
        onLost: (error) => {
          throw error
        },
      })
      const revisions: number[] = []
      let next = 0
      const write = async (count: number) => {
        for (let index = 0; index < count; index += 1) revisions.push(await store.create(`/k/x/${next++}`, value('v')))
      }
      await write(20)
      await cluster.kill(0)
      await write(20)
      await cluster.revive(0)
      cluster.freeze(1)
      await write(20)
      cluster.thaw(1)
      await write(20)
      await expect.poll(() => seen.length, { timeout: 15_000 }).toBe(revisions.length)
      expect(seen.map((event) => event.revision)).toEqual(revisions)
      stop()
    } finally {
      await store.close()
    }
  }, 60_000)
})

describe('an API server whose etcd is gone', () => {
  test('is not ready and names etcd, and is ready again when a majority is back', async () => {
    const store = await open('/readiness')
    await using scope = new AsyncDisposableStack()
    scope.defer(() => store.close())
    const faults: string[] = []
    const server = await startTestServer({ kinds: [Namespace], store, onFault: (fault) => faults.push(fault) })
    scope.defer(() => server.close())
    const readiness = async () => {
      const query = new URLSearchParams()
      const signal = AbortSignal.timeout(5000)
      const answer = await server.api.handle({ method: 'GET', path: '/readyz', query, headers: {}, signal })
      return 'value' in answer ? `${answer.status} ${String(answer.value())}` : undefined
    }
    expect(await readiness()).toBe('200 ok')
    for (const member of [0, 1, 2]) await cluster.kill(member)
    await expect
      .poll(readiness, { timeout: 15_000 })
      .toMatch(/^500 [^]*\[-\]store failed: the caches have lost their source, etcd, for \d+ s/)
    await Promise.all([0, 1, 2].map((member) => cluster.revive(member)))
    await expect.poll(readiness, { timeout: 20_000 }).toBe('200 ok')
    expect(faults[0]).toMatch(/^the caches have lost their source, etcd: /)
    expect(faults.at(-1)).toMatch(/^the caches follow etcd again/)
  }, 60_000)
})

describe('two API servers on one etcd', () => {
  test('read what was written through the other, and watch it', async () => {
    const stores = [await open('/two'), await open('/two')]
    const kinds = [Namespace, ConfigMap]
    await using left = await startTestServer({ kinds, store: stores[0] })
    await using right = await startTestServer({ kinds, store: stores[1] })
    const path = '/api/v1/namespaces/default/configmaps'
    const watched: string[] = []
    const stop = new AbortController()
    const watching = (async () => {
      const events = right.transport().watch<KubeObject>({ method: 'GET', path, signal: stop.signal })
      for await (const event of events) watched.push(`${event.type} ${event.object.metadata.name}`)
    })()
    for (let index = 0; index < 20; index += 1) {
      const name = `c${index}`
      await left.transport().request({ method: 'POST', path, body: { metadata: { name } } })
      const list = await right.transport().request<KubeList<KubeObject>>({ method: 'GET', path })
      expect(list.items.map((item) => item.metadata.name)).toContain(name)
      const got = await right.transport().request<KubeObject>({ method: 'GET', path: `${path}/${name}` })
      const body = { ...got, data: { by: 'right' } }
      await right.transport().request({ method: 'PUT', path: `${path}/${name}`, body })
      const stale = left.transport().request({ method: 'PUT', path: `${path}/${name}`, body })
      await expect(stale).rejects.toMatchObject({ reason: 'Conflict' })
    }
    await expect.poll(() => watched.filter((line) => line.startsWith('ADDED')).length).toBe(20)
    stop.abort()
    await watching
    await Promise.all(stores.map((store) => store.close()))
  })
})
