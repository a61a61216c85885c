import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { SqliteStore } from '../store/sqlite.ts'
import { addKey, dropOldKeys, ensureKeyFile } from './key-file.ts'
import { rotateEncryptionKey } from './rotate.ts'
import { isEncrypted, keyIdOf, ValueCipher } from './value-cipher.ts'

let dir: string
let keyFile: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'encryption-'))
  keyFile = join(dir, 'encryption.key')
})
afterEach(() => rm(dir, { recursive: true }))

const plain = Buffer.from('{"data":{"password":"aHVudGVyMg=="}}')

describe('the key file', () => {
  test('is made once, for its owner only, and is not replaced when it is broken', async () => {
    const [first] = await ensureKeyFile(keyFile)
    expect((await stat(keyFile)).mode & 0o777).toBe(0o600)
    expect(await ensureKeyFile(keyFile)).toEqual([first])
    await writeFile(keyFile, '{"version":1,"keys":[]}')
    await expect(ensureKeyFile(keyFile)).rejects.toThrow('bring it back from a backup')
  })

  test('is agreed on by servers that start at once', async () => {
    const made = await Promise.all([1, 2, 3].map(() => ensureKeyFile(keyFile)))
    expect(new Set(made.map(([key]) => key.id)).size).toBe(1)
  })
})

describe('ValueCipher', () => {
  test('gives back what it was given, and hides it in between; other kinds pass as they are', async () => {
    const cipher = new ValueCipher(await ensureKeyFile(keyFile))
    const stored = cipher.toStore('/core/secrets/a/b', plain)
    expect(Buffer.from(stored).includes('password')).toBe(false)
    expect(Buffer.from(cipher.fromStore('/core/secrets/a/b', stored))).toEqual(plain)
    expect(cipher.toStore('/core/configmaps/a/b', plain)).toBe(plain)
    expect(cipher.fromStore('/core/secrets/a/b', plain)).toBe(plain)
    expect(Buffer.from(cipher.toStore('/core/secrets/a/b', plain)).equals(stored)).toBe(false)
  })

  test('refuses a value that stood under another key, was changed in any byte, or was cut', async () => {
    const cipher = new ValueCipher(await ensureKeyFile(keyFile))
    const stored = Buffer.from(cipher.toStore('/core/secrets/a/b', plain))
    expect(() => cipher.fromStore('/core/secrets/a/c', stored)).toThrow('stood under another key')
    for (let at = 7; at < stored.length; at++) {
      const changed = Buffer.from(stored)
      changed[at] = changed[at]! ^ 1
      expect(() => cipher.fromStore('/core/secrets/a/b', changed), `byte ${at}`).toThrow('cannot be decrypted')
    }
    for (let length = 7; length < stored.length; length++)
      expect(() => cipher.fromStore('/core/secrets/a/b', stored.subarray(0, length))).toThrow('cannot be decrypted')
  })

  test('reads values of older keys until these are dropped', async () => {
    const cipher = new ValueCipher(await ensureKeyFile(keyFile))
    const old = cipher.toStore('/core/secrets/a/b', plain)
    cipher.use(await addKey(keyFile))
    expect(Buffer.from(cipher.fromStore('/core/secrets/a/b', old))).toEqual(plain)
    expect(keyIdOf(cipher.toStore('/core/secrets/a/b', plain))).not.toBe(keyIdOf(old))
    cipher.use(await dropOldKeys(keyFile))
    expect(() => cipher.fromStore('/core/secrets/a/b', old)).toThrow('is not in the key file')
  })
})

describe('in a real store', () => {
  test('no secret is in the database files, and a rotation writes all of them with the new key while writes go on', async () => {
    const path = join(dir, 'store.db')
    const cipher = new ValueCipher(await ensureKeyFile(keyFile))
    const store = await SqliteStore.open(path, { transform: cipher })
    for (let at = 0; at < 50; at++) await store.create(`/core/secrets/ns/s${at}`, plain)
    await store.create('/core/configmaps/ns/c', Buffer.from('{"visible":"yes"}'))
    const raw = async () =>
      Buffer.concat(
        await Promise.all(
          (await readdir(dir)).filter((name) => name.startsWith('store.db')).map((name) => readFile(join(dir, name))),
        ),
      )
    expect((await raw()).includes('aHVudGVyMg')).toBe(false)
    expect((await raw()).includes('visible')).toBe(true)
    const [oldKey] = await ensureKeyFile(keyFile)
    const during = (async () => {
      for (let at = 0; at < 20; at++) await store.create(`/core/secrets/ns/during${at}`, plain)
    })()
    const rotation = await rotateEncryptionKey(store, cipher, keyFile)
    await during
    expect(rotation.rewritten).toBeGreaterThanOrEqual(50)
    expect((await ensureKeyFile(keyFile)).map((key) => key.id)).toEqual([rotation.keyId])
    await store.close()
    expect((await raw()).includes(`enc:v1:${rotation.keyId}`)).toBe(true)
    const reopened = await SqliteStore.open(path, { transform: new ValueCipher(await ensureKeyFile(keyFile)) })
    const seen: string[] = []
    for await (const page of reopened.list('/core/secrets/'))
      for (const item of page.items) seen.push(Buffer.from(item.value).toString())
    expect(seen).toHaveLength(70)
    expect(new Set(seen)).toEqual(new Set([plain.toString()]))
    await reopened.close()
    expect(rotation.keyId).not.toBe(oldKey.id)
  })

  test('a value made before encryption is read, and encrypted by the first rotation', async () => {
    const path = join(dir, 'store.db')
    const before = await SqliteStore.open(path)
    await before.create('/core/secrets/ns/s', plain)
    await before.close()
    const cipher = new ValueCipher(await ensureKeyFile(keyFile))
    const store = await SqliteStore.open(path, { transform: cipher })
    expect(Buffer.from((await store.get('/core/secrets/ns/s'))!.value)).toEqual(plain)
    await rotateEncryptionKey(store, cipher, keyFile)
    await store.close()
    const bare = await SqliteStore.open(path)
    expect(isEncrypted((await bare.get('/core/secrets/ns/s'))!.value)).toBe(true)
    await bare.close()
  })
})
