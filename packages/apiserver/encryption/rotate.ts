import { StoreError, type Store } from '../store/store.ts'
import { addKey, dropOldKeys } from './key-file.ts'
import { secretPrefixes, type ValueCipher } from './value-cipher.ts'

/** What a rotation did. */
export interface Rotation {
  /** Values that were encrypted anew. */
  rewritten: number
  keyId: string
}

/**
 * Exchange the encryption key while the cluster runs: a new key, every secret value written again with it, the old keys dropped.
 *
 * May be called again after a crash at any point. With several servers, each must know the new key before the values are
 * written again: run it on one, restart the others, and pass `keepOld` until they have.
 *
 * @param cipher the transform with which `store` was opened
 */
export async function rotateEncryptionKey(
  store: Store,
  cipher: ValueCipher,
  keyFile: string,
  options: { prefixes?: readonly string[]; keepOld?: boolean } = {},
): Promise<Rotation> {
  const keys = await addKey(keyFile)
  cipher.use(keys)
  await passEarlierWrites(store, keys[0].id)
  let rewritten = 0
  for (const prefix of options.prefixes ?? secretPrefixes) rewritten += await rewriteAll(store, cipher, prefix)
  // Superseded versions under the old keys go from the database as well.
  await store.compact(await store.currentRevision())
  if (!options.keepOld) cipher.use(await dropOldKeys(keyFile))
  return { rewritten, keyId: keys[0].id }
}

/** Writes that were encrypted with the old key may still be on their way; one that is sent after them arrives after them. */
async function passEarlierWrites(store: Store, keyId: string): Promise<void> {
  const key = `/thresher.io/encryption-rotations/${keyId}`
  await store.delete(key, await store.create(key, Buffer.from('{}')))
}

async function rewriteAll(store: Store, cipher: ValueCipher, prefix: string): Promise<number> {
  let rewritten = 0
  for (;;) {
    const old = await underOldKeys(store, cipher, prefix)
    if (old.length === 0) return rewritten
    for (const key of old) rewritten += await rewrite(store, key)
  }
}

async function underOldKeys(store: Store, cipher: ValueCipher, prefix: string): Promise<string[]> {
  const keys = new Set<string>()
  const stop = cipher.onOldKey((key) => {
    if (key.startsWith(prefix)) keys.add(key)
  })
  try {
    for await (const page of store.list(prefix)) void page
  } finally {
    stop()
  }
  return [...keys]
}

async function rewrite(store: Store, key: string): Promise<number> {
  for (;;) {
    const current = await store.get(key)
    if (!current) return 0
    try {
      await store.update(key, current.value, current.revision)
      return 1
    } catch (error) {
      if (!(error instanceof StoreError) || (error.reason !== 'Conflict' && error.reason !== 'NotFound')) throw error
    }
  }
}
