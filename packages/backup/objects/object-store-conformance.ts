import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ObjectStore } from './object-store.ts'

export interface StoreUnderTest extends AsyncDisposable {
  store: ObjectStore
}

/** What every store of objects must do. @param make one without objects */
export function describeObjectStore(name: string, make: () => Promise<StoreUnderTest>): void {
  describe(`the object store ${name}`, () => {
    let under: StoreUnderTest
    let store: ObjectStore

    beforeEach(async () => {
      under = await make()
      store = under.store
    })
    afterEach(() => under[Symbol.asyncDispose]())

    const keys = async (prefix: string): Promise<string[]> => {
      const found: string[] = []
      for await (const { key } of store.list(prefix)) found.push(key)
      return found.sort()
    }

    it('gives back what was put, whatever its bytes', async () => {
      const body = randomBytes(3 * 1024 * 1024)
      await store.put('blocks/ab/one.bin', body)
      expect((await store.get('blocks/ab/one.bin'))?.equals(body)).toBe(true)
      await store.put('empty', Buffer.alloc(0))
      expect(await store.get('empty')).toEqual(Buffer.alloc(0))
    })

    it('has the last of what was put under one key', async () => {
      await store.put('a', Buffer.from('first, and longer'))
      await store.put('a', Buffer.from('second'))
      expect(String(await store.get('a'))).toBe('second')
    })

    it('puts a part of a larger buffer, not the buffer', async () => {
      await store.put('part', Buffer.from('0123456789').subarray(3, 6))
      expect(String(await store.get('part'))).toBe('345')
    })

    it('knows what is not there', async () => {
      expect(await store.get('nowhere/at/all')).toBeUndefined()
      await store.delete('nowhere/at/all')
    })

    it('deletes', async () => {
      await store.put('a/b', Buffer.from('x'))
      await store.delete('a/b')
      expect(await store.get('a/b')).toBeUndefined()
      expect(await keys('')).toEqual([])
    })

    it('lists by the beginning of a key, with sizes', async () => {
      for (const key of ['a/1', 'a/12', 'ab/3', 'b/c/d/4', 'top']) await store.put(key, Buffer.from(key))
      expect(await keys('')).toEqual(['a/1', 'a/12', 'ab/3', 'b/c/d/4', 'top'])
      expect(await keys('a/')).toEqual(['a/1', 'a/12'])
      expect(await keys('a/12')).toEqual(['a/12'])
      expect(await keys('b/')).toEqual(['b/c/d/4'])
      expect(await keys('none/')).toEqual([])
      for await (const { key, bytes } of store.list('a/12')) expect({ key, bytes }).toEqual({ key: 'a/12', bytes: 4 })
    })

    it.each(['', '/a', '../a', 'a/../b', 'a//b', 'a/', '.hidden', 'a b', 'a\0', 'é'])(
      'refuses the key %j',
      async (key) => {
        await expect((async () => store.put(key, Buffer.from('x')))()).rejects.toThrow('no key of an object')
      },
    )
  })
}
