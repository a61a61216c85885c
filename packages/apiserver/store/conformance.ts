import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Store, StoreError, StoreEvent } from './store.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (value: Uint8Array | undefined) => value && new TextDecoder().decode(value)

/** Collects what a watch delivers. */
class Recorder {
  readonly events: StoreEvent[] = []
  revision = 0
  lost: StoreError | undefined
  readonly stop: () => void

  constructor(store: Store, prefix: string, from: number) {
    this.stop = store.watch(prefix, from, {
      onEvents: (events, revision) => {
        this.events.push(...events)
        this.revision = revision
      },
      onLost: (error) => {
        this.lost = error
      },
    })
  }

  async reach(revision: number): Promise<void> {
    await expect.poll(() => Math.max(this.revision, 0), { timeout: 10_000 }).toBeGreaterThanOrEqual(revision)
  }
}

/**
 * What every store must do. Called in a describe block; `open` gives a store, empty or not, and is called once or, where
 * `reopen` is true, again after a close, when it must show what was there before.
 */
export function storeConformance(options: { open(): Promise<Store>; reopen: boolean }): void {
  let store: Store
  // Keys of its own for each test, so that one store serves all of them.
  let room = 0
  const area = () => `/t${Date.now().toString(36)}${room++}/items/`

  beforeAll(async () => {
    store = await options.open()
  })
  afterAll(() => store.close())

  test('gives back what was created, at its revision', async () => {
    const key = `${area()}a`
    const revision = await store.create(key, bytes('one'))
    const found = await store.get(key)
    expect({ ...found, value: text(found?.value) }).toEqual({ key, revision, value: 'one' })
    expect(await store.get(`${key}b`)).toBeUndefined()
  })

  test('refuses to create what is there, naming its revision', async () => {
    const key = `${area()}a`
    const revision = await store.create(key, bytes('one'))
    await expect(store.create(key, bytes('two'))).rejects.toMatchObject({ reason: 'Exists', current: revision })
  })

  test('updates and deletes only at the expected revision', async () => {
    const key = `${area()}a`
    const first = await store.create(key, bytes('one'))
    const second = await store.update(key, bytes('two'), first)
    expect(second).toBeGreaterThan(first)
    await expect(store.update(key, bytes('three'), first)).rejects.toMatchObject({
      reason: 'Conflict',
      current: second,
    })
    await expect(store.delete(key, first)).rejects.toMatchObject({ reason: 'Conflict' })
    const gone = await store.delete(key, second)
    expect(gone).toBeGreaterThan(second)
    await expect(store.update(key, bytes('four'), second)).rejects.toMatchObject({ reason: 'NotFound' })
    await expect(store.delete(key, second)).rejects.toMatchObject({ reason: 'NotFound' })
  })

  test('lets exactly one of many writers at the same revision win', async () => {
    const key = `${area()}a`
    const revision = await store.create(key, bytes('start'))
    const tries = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) => store.update(key, bytes(`writer ${index}`), revision)),
    )
    expect(tries.filter((result) => result.status === 'fulfilled')).toHaveLength(1)
    const winner = tries.findIndex((result) => result.status === 'fulfilled')
    expect(text((await store.get(key))?.value)).toBe(`writer ${winner}`)
  })

  test('lists a prefix in the order of keys, in pages of one revision', async () => {
    const prefix = area()
    const names = ['a', 'a-b', 'a/b', 'b', 'c'].map((name) => prefix + name)
    for (const name of names.toReversed()) await store.create(name, bytes(name))
    const pages = []
    for await (const page of store.list(prefix, { pageSize: 2 })) {
      pages.push(page)
      // A write between two pages does not show in either.
      await store.create(`${prefix}d${pages.length}`, bytes('later'))
    }
    expect(pages.flatMap((page) => page.items.map((item) => item.key))).toEqual(names.toSorted())
    expect(new Set(pages.map((page) => page.revision)).size).toBe(1)
  })

  test('watches every write once and in order, from the past into the present', async () => {
    const prefix = area()
    const first = await store.create(`${prefix}a`, bytes('1'))
    const second = await store.update(`${prefix}a`, bytes('2'), first)
    const recorder = new Recorder(store, prefix, first)
    const third = await store.create(`${prefix}b`, bytes('3'))
    const fourth = await store.delete(`${prefix}a`, second)
    await store.create(`${area()}elsewhere`, bytes('x'))
    await recorder.reach(fourth)
    recorder.stop()
    expect(recorder.events.map((event) => [event.revision, event.key.slice(prefix.length), text(event.value)])).toEqual(
      [
        [second, 'a', '2'],
        [third, 'b', '3'],
        [fourth, 'a', undefined],
      ],
    )
  })

  test('misses nothing when many write at once', async () => {
    const prefix = area()
    const from = await store.currentRevision()
    const recorder = new Recorder(store, prefix, from)
    const revisions = await Promise.all(
      Array.from({ length: 300 }, (_, index) => store.create(`${prefix}${index}`, bytes('x'))),
    )
    await recorder.reach(Math.max(...revisions))
    recorder.stop()
    expect(recorder.events.map((event) => event.revision)).toEqual(revisions.toSorted((left, right) => left - right))
    expect(new Set(revisions).size).toBe(300)
  })

  test('never names a current revision older than a write that was acknowledged', async () => {
    const revision = await store.create(`${area()}a`, bytes('1'))
    expect(await store.currentRevision()).toBeGreaterThanOrEqual(revision)
  })

  test('keeps present values through a compaction and ends watches from before it', async () => {
    const prefix = area()
    const first = await store.create(`${prefix}a`, bytes('1'))
    const second = await store.update(`${prefix}a`, bytes('2'), first)
    await store.create(`${prefix}b`, bytes('b'))
    const gone = await store.create(`${prefix}c`, bytes('c'))
    const last = await store.delete(`${prefix}c`, gone)
    const live = new Recorder(store, prefix, last)
    await store.compact(last)
    expect(text((await store.get(`${prefix}a`))?.value)).toBe('2')
    const late = new Recorder(store, prefix, first)
    await expect.poll(() => late.lost?.reason).toBe('Compacted')
    const after = await store.update(`${prefix}a`, bytes('3'), second)
    await live.reach(after)
    live.stop()
    expect(live.lost).toBeUndefined()
    expect(live.events.map((event) => event.revision)).toEqual([after])
  })

  test('keeps large values and odd bytes as they are', async () => {
    const key = `${area()}a`
    const value = Uint8Array.from({ length: 1_400_000 }, (_, index) => (index * 7) % 256)
    await store.create(key, value)
    expect(Buffer.from((await store.get(key))!.value).equals(Buffer.from(value))).toBe(true)
  })

  test('is backed up while writes go on', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'thresher-store-'))
    try {
      const prefix = area()
      const writes = Array.from({ length: 50 }, (_, index) => store.create(`${prefix}${index}`, bytes('x')))
      await store.backup(join(directory, 'copy'))
      await Promise.all(writes)
      expect((await stat(join(directory, 'copy'))).size).toBeGreaterThan(4096)
      await expect(store.backup(join(directory, 'copy'))).rejects.toMatchObject({ reason: 'Exists' })
    } finally {
      await rm(directory, { recursive: true })
    }
  })

  test.runIf(options.reopen)(
    'shows after a close what was there before, and goes on with higher revisions',
    async () => {
      const key = `${area()}a`
      const revision = await store.create(key, bytes('kept'))
      const removed = await store.create(`${key}b`, bytes('x'))
      const last = await store.delete(`${key}b`, removed)
      await store.close()
      store = await options.open()
      expect(text((await store.get(key))?.value)).toBe('kept')
      expect(await store.currentRevision()).toBe(last)
      expect(await store.update(key, bytes('new'), revision)).toBeGreaterThan(last)
    },
  )
}
