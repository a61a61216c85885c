import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigMap } from '@thresher/api/core/config-map'
import { Namespace } from '@thresher/api/core/namespace'
import { Secret } from '@thresher/api/core/secret'
import type { KubeList, KubeObject } from '@thresher/api/meta'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { addKey, dropOldKeys, ensureKeyFile } from './encryption/key-file.ts'
import { rotateEncryptionKey } from './encryption/rotate.ts'
import { ValueCipher } from './encryption/value-cipher.ts'
import { CacheFeed } from './cache-feed.ts'
import { encodeObject, objectPrefix } from './entry.ts'
import type { TransportRequest } from './in-process-transport.ts'
import { SqliteStore } from './store/sqlite.ts'
import { startTestServer, type TestServer } from './testing.ts'
import { WatchCache } from './watch-cache.ts'

const password = 'aHVudGVyMg=='
let directory: string
let path: string
let keyFile: string
const closing: (() => unknown)[] = []
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'unreadable-'))
  path = join(directory, 'store.db')
  keyFile = join(directory, 'encryption.key')
})
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
  await rm(directory, { recursive: true, force: true })
})

async function openStore(cipher?: ValueCipher): Promise<SqliteStore> {
  const store = await SqliteStore.open(path, { transform: cipher })
  closing.push(() => store.close())
  return store
}

/** A store with a readable Secret, one under a key that is gone, and a ConfigMap whose value is cut within. */
async function damagedStore(): Promise<{ store: SqliteStore; cipher: ValueCipher }> {
  const cipher = new ValueCipher(await ensureKeyFile(keyFile))
  const store = await openStore(cipher)
  await store.create('/core/secrets/default/lost', secret('lost'))
  cipher.use(await addKey(keyFile))
  cipher.use(await dropOldKeys(keyFile))
  await store.create('/core/secrets/default/sound', secret('sound'))
  const broken = `${objectPrefix('v1', 'ConfigMap')}"name":"broken","x":${password}}}`
  await store.create('/core/configmaps/default/broken', Buffer.from(broken))
  await store.close()
  return { store: await openStore(cipher), cipher }
}

const secret = (name: string) =>
  encodeObject(objectPrefix('v1', 'Secret'), {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: 'default', uid: name },
    data: { password },
  } as KubeObject)

async function serve(store: SqliteStore, faults: string[]): Promise<TestServer> {
  const server = await startTestServer({
    kinds: [Namespace, Secret, ConfigMap],
    store,
    directory,
    onFault: (fault) => faults.push(fault),
  })
  closing.push(() => server.close())
  return server
}

const secrets = '/api/v1/namespaces/default/secrets'

test('a value that cannot be decrypted or parsed is logged, counted and left out; everything else is served and followed', async () => {
  const faults: string[] = []
  const { store } = await damagedStore()
  const server = await serve(store, faults)
  const ask = (path: string) => server.transport().request({ method: 'GET', path })
  const names = async (path: string) =>
    ((await ask(path)) as KubeList<KubeObject>).items.map(({ metadata }) => metadata.name)
  expect(await names(secrets)).toEqual(['sound'])
  expect(await names('/api/v1/namespaces/default/configmaps')).toEqual([])
  expect(faults.toSorted()).toEqual([
    expect.stringMatching(
      /^\/core\/configmaps\/default\/broken at revision \d+ is left out .* not the JSON of an object$/,
    ),
    expect.stringMatching(/^\/core\/secrets\/default\/lost at revision \d+ is left out .* is not in the key file$/),
  ])
  expect(faults.join()).not.toContain(password)
  const metrics = String(await ask('/metrics'))
  expect(metrics).toContain('apiserver_storage_unreadable_objects{group="",resource="secrets"} 1')
  expect(metrics).toContain('apiserver_storage_unreadable_objects{group="",resource="configmaps"} 1')
  await server.transport().request({ method: 'POST', path: secrets, body: { metadata: { name: 'new' } } })
  expect(await names(secrets)).toEqual(['new', 'sound'])
})

test('a read or write of an object that cannot be read says so in a sentence, and leaves what is stored as it is', async () => {
  const { store } = await damagedStore()
  const server = await serve(store, [])
  const before = await rawRevision(store, '/core/secrets/default/lost')
  const path = `${secrets}/lost`
  const body = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'lost' } }
  const requests: TransportRequest[] = [
    { method: 'GET', path },
    { method: 'PUT', path, body },
    { method: 'PATCH', path, body, contentType: 'application/merge-patch+json' },
    { method: 'DELETE', path },
  ]
  for (const request of requests)
    await expect(server.transport().request(request), request.method).rejects.toThrow(
      /^secrets "lost" cannot be read: .* is not in the key file; bring back the encryption key/,
    )
  await expect(server.transport().request({ method: 'POST', path: secrets, body })).rejects.toThrow('already exists')
  expect(await rawRevision(store, '/core/secrets/default/lost')).toBe(before)
})

test('a rotation of the key names what cannot be read, and drops no key', async () => {
  const { store, cipher } = await damagedStore()
  await expect(rotateEncryptionKey(store, cipher, keyFile)).rejects.toThrow('/core/secrets/default/lost')
  expect(await ensureKeyFile(keyFile)).toHaveLength(2)
  expect(await rawRevision(store, '/core/secrets/default/lost')).toBeDefined()
})

test('an event that cannot be read is no deletion: watchers keep the last state, and see the next one', async () => {
  const { store } = await damagedStore()
  const faults: string[] = []
  const cache = new WatchCache('/core/secrets/', objectPrefix('v1', 'Secret'))
  const feed = new CacheFeed(store, (fault) => faults.push(fault))
  closing.push(() => feed.close())
  await feed.add(cache)
  await feed.start()
  const known = cache.get('default/sound')!
  const cut = await store.update('/core/secrets/default/sound', secret('sound').subarray(0, 90), known.revision)
  await feed.reach(cut)
  expect(cache.get('default/sound')).toBe(known)
  expect(cache.unreadable('default/sound')?.message).toContain('not the JSON of an object')
  expect(faults).toHaveLength(2)
  const mended = await store.update('/core/secrets/default/sound', secret('sound'), cut)
  await feed.reach(mended)
  expect(cache.get('default/sound')?.revision).toBe(mended)
  expect(cache.unreadable('default/sound')).toBeUndefined()
})

async function rawRevision(store: SqliteStore, key: string): Promise<number | undefined> {
  for await (const page of store.list('/'))
    for (const item of [...page.items, ...page.unreadable]) if (item.key === key) return item.revision
  return undefined
}
