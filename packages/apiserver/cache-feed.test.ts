import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { CacheFeed } from './cache-feed.ts'
import { encodeObject, objectPrefix } from './entry.ts'
import { SqliteStore } from './store/sqlite.ts'
import { WatchCache } from './watch-cache.ts'

const directory = mkdtempSync(join(tmpdir(), 'feed-'))
const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
  rmSync(directory, { recursive: true, force: true })
})

test('a kind that comes to be served while the feed lists has its objects, and follows them from there', async () => {
  const store = await SqliteStore.open(join(directory, 'store.db'))
  closing.push(() => store.close())
  const prefix = objectPrefix('example.com/v1', 'Thing')
  const value = (name: string) =>
    encodeObject(prefix, { apiVersion: 'example.com/v1', kind: 'Thing', metadata: { name } })
  await store.create('/example.com/things/a', value('a'))
  const feed = new CacheFeed(store)
  closing.push(() => feed.close())
  const things = new WatchCache('/example.com/things/', prefix)
  const started = feed.start()
  // The list of everything has begun without it.
  await feed.add(things)
  await started
  expect(things.get('a')).toBeDefined()
  const revision = await store.create('/example.com/things/b', value('b'))
  await feed.reach(revision)
  expect(things.get('b')).toBeDefined()
})
