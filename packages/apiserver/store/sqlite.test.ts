import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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
