import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { storeConformance } from './conformance.ts'
import { SqliteStore, restoreSqlite } from './sqlite.ts'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'thresher-sqlite-'))
})
afterAll(() => rm(directory, { recursive: true }))

const text = (value: Uint8Array | undefined) => value && Buffer.from(value).toString()

describe('a SQLite store', () => {
  storeConformance({ open: () => SqliteStore.open(join(directory, 'store.db')), reopen: true })

  test('shares one disk flush among writes that wait at the same time', async () => {
    const store = await SqliteStore.open(join(directory, 'group.db'))
    const one = performance.now()
    for (let index = 0; index < 100; index += 1) await store.create(`/a/b/${index}`, Buffer.from('x'))
    const alone = performance.now() - one
    const two = performance.now()
    await Promise.all(Array.from({ length: 100 }, (_, index) => store.create(`/a/c/${index}`, Buffer.from('x'))))
    const together = performance.now() - two
    await store.close()
    expect(together).toBeLessThan(alone)
  })

  test('keeps values in the file as the transform makes them', async () => {
    const flip = (_key: string, value: Uint8Array) => value.map((byte) => byte ^ 0xff)
    const path = join(directory, 'transform.db')
    const store = await SqliteStore.open(path, { transform: { toStore: flip, fromStore: flip } })
    await store.create('/a/b/c', Buffer.from('secret'))
    expect(text((await store.get('/a/b/c'))?.value)).toBe('secret')
    await store.close()
    const plain = await SqliteStore.open(path)
    expect(text((await plain.get('/a/b/c'))?.value)).not.toBe('secret')
    await plain.close()
  })

  test('lets writes through between the steps of a compaction, which goes on after it was cut off', async () => {
    const path = join(directory, 'compaction.db')
    await (await SqliteStore.open(path)).close()
    const revisions = 60_000
    using database = new DatabaseSync(path)
    database.exec(`
      WITH RECURSIVE count(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM count WHERE n < ${revisions})
      INSERT INTO log SELECT n, '/a/b/c', n - 1, 'value' FROM count;
      INSERT INTO current VALUES ('/a/b/c', ${revisions});
    `)
    const rows = () => Number(database.prepare('SELECT count(*) AS rows FROM log').get()?.rows)
    const cutOff = await SqliteStore.open(path)
    const unfinished = cutOff.compact(revisions).catch(() => undefined)
    const left: number[] = []
    await cutOff.create('/a/b/d', Buffer.from('x'))
    left.push(rows())
    await cutOff.close()
    await unfinished
    const store = await SqliteStore.open(path)
    await store.compact(revisions)
    left.push(rows())
    await store.close()
    expect(left[0]).toBeGreaterThan(revisions / 2)
    expect(left[1]).toBe(2)
  })

  test('is restored from a backup, with revisions that were never given out', async () => {
    const path = join(directory, 'restore.db')
    const store = await SqliteStore.open(path)
    const revision = await store.create('/a/b/c', Buffer.from('old'))
    await store.backup(join(directory, 'backup.db'))
    const later = await store.update('/a/b/c', Buffer.from('new'), revision)
    await store.close()
    await restoreSqlite(join(directory, 'backup.db'), path)
    const restored = await SqliteStore.open(path)
    expect(text((await restored.get('/a/b/c'))?.value)).toBe('old')
    expect(await restored.create('/a/b/d', Buffer.from('x'))).toBeGreaterThan(later)
    await restored.close()
  })

  test('refuses to restore from a file that is no sound backup', async () => {
    await expect(restoreSqlite(import.meta.filename, join(directory, 'other.db'))).rejects.toThrow('not a sound backup')
  })
})
