import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ConfigMap } from '@thresher/api/core/config-map'
import { Namespace } from '@thresher/api/core/namespace'
import { Secret } from '@thresher/api/core/secret'
import { ensureKeyFile } from '../encryption/key-file.ts'
import { ValueCipher } from '../encryption/value-cipher.ts'
import { SqliteStore } from '../store/sqlite.ts'
import { startTestServer } from '../testing.ts'
import { maintenancePaths, maintenanceRoutes } from './maintenance-routes.ts'
import { restoreStore } from './restore.ts'

let dir: string
let keyFile: string
let storePath: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'maintenance-'))
  keyFile = join(dir, 'encryption.key')
  storePath = join(dir, 'store.db')
})
afterEach(() => rm(dir, { recursive: true }))

async function start() {
  const cipher = new ValueCipher(await ensureKeyFile(keyFile))
  const store = await SqliteStore.open(storePath, { transform: cipher })
  const server = await startTestServer({
    kinds: [Namespace, Secret, ConfigMap],
    store,
    directory: dir,
    routes: maintenanceRoutes({ store, cipher, keyFile, backupDir: join(dir, 'backups'), keepBackups: 2 }),
  })
  const close = async () => {
    await server.close()
    await store.close()
  }
  return { server, close, admin: server.transport() }
}
const secrets = '/api/v1/namespaces/default/secrets'

test('a key is rotated and a backup made while the server runs, and the backup restored into a stopped one', async () => {
  const first = await start()
  await first.admin.request({
    method: 'POST',
    path: secrets,
    body: { metadata: { name: 's' }, stringData: { a: 'kept safe' } },
  })
  const rotated = await first.admin.request<{ rewritten: number; keyId: string }>({
    method: 'POST',
    path: maintenancePaths.rotateEncryptionKey,
  })
  expect(rotated.rewritten).toBe(1)
  const { path, bytes } = await first.admin.request<{ path: string; bytes: number }>({
    method: 'POST',
    path: maintenancePaths.backup,
  })
  expect(bytes).toBeGreaterThan(1000)
  expect((await stat(join(dir, 'backups'))).mode & 0o777).toBe(0o700)
  expect((await readFile(path)).includes(Buffer.from('kept safe').toString('base64'))).toBe(false)
  await first.admin.request({ method: 'DELETE', path: `${secrets}/s` })
  await first.close()

  expect(await restoreStore(path, storePath, keyFile)).toMatchObject({ secrets: 1 })
  const second = await start()
  const secret = await second.admin.request<{ data: Record<string, string> }>({ method: 'GET', path: `${secrets}/s` })
  expect(Buffer.from(secret.data.a!, 'base64').toString()).toBe('kept safe')
  await second.close()
})

test('a backup whose key is gone is refused before anything is touched', async () => {
  const first = await start()
  await first.admin.request({
    method: 'POST',
    path: secrets,
    body: { metadata: { name: 's' }, stringData: { a: 'b' } },
  })
  const { path } = await first.admin.request<{ path: string }>({ method: 'POST', path: maintenancePaths.backup })
  await first.close()
  await rm(keyFile)
  const before = await readFile(storePath)
  await expect(restoreStore(path, storePath, keyFile)).rejects.toThrow('is not in the key file')
  expect(await readFile(storePath)).toEqual(before)
})

test('only the newest backups stay, and nobody but an administrator makes them', async () => {
  const { server, close, admin } = await start()
  for (let at = 0; at < 4; at++) {
    await admin.request({ method: 'POST', path: maintenancePaths.backup })
    await new Promise((done) => setTimeout(done, 2))
  }
  expect(await readdir(join(dir, 'backups'))).toHaveLength(2)
  const mallory = server.transport({ name: 'mallory', groups: ['system:authenticated'] })
  for (const path of Object.values(maintenancePaths))
    await expect(mallory.request({ method: 'POST', path })).rejects.toMatchObject({ code: 403 })
  await close()
})
