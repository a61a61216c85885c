import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { requireSameCluster } from './cluster-identity.ts'
import { ensureKeyFile } from './encryption/key-file.ts'
import { rotateEncryptionKey } from './encryption/rotate.ts'
import { ValueCipher } from './encryption/value-cipher.ts'
import { ensurePki, type Pki } from './pki/ensure.ts'
import { SqliteStore } from './store/sqlite.ts'

const directory = mkdtempSync(join(tmpdir(), 'identity-'))
const nobody = { names: [], addresses: [] }
let first: Pki
let second: Pki
beforeAll(async () => {
  first = await ensurePki(join(directory, 'first'), nobody)
  second = await ensurePki(join(directory, 'second'), nobody)
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))

/** Start as a server would, on the one store. */
async function start(pki: Pick<Pki, 'ca' | 'serviceAccount'>, keyFile: string, rotate = false): Promise<void> {
  const cipher = new ValueCipher(await ensureKeyFile(join(directory, keyFile)))
  const store = await SqliteStore.open(join(directory, 'store.db'), { transform: cipher })
  try {
    await requireSameCluster(store, pki)
    if (rotate) await rotateEncryptionKey(store, cipher, join(directory, keyFile))
  } finally {
    await store.close()
  }
}

test('a server with keys of its own is refused by the store of another cluster, with what differs', async () => {
  await start(first, 'key')
  await start(first, 'key')
  await expect(start(second, 'key')).rejects.toThrow('another certificate authority (pki/ca)')
  await expect(start({ ...first, serviceAccount: second.serviceAccount }, 'key')).rejects.toThrow(
    'service-account tokens',
  )
  await expect(start(first, 'other-key')).rejects.toThrow('another encryption key (encryption.key)')
})

test('after the encryption key was exchanged the cluster is still the same', async () => {
  await start(first, 'key', true)
  await start(first, 'key')
})
