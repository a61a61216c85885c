import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { spawnSync } from 'node:child_process'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ensureKeyFile } from '@thresher/apiserver/encryption/key-file'
import { ValueCipher } from '@thresher/apiserver/encryption/value-cipher'
import { SqliteStore } from '@thresher/apiserver/store/sqlite'
import { Client } from '@thresher/client/client'
import type { Context } from '../command.ts'
import { serverUser } from '../host/users.ts'
import { backup, restore } from './store.ts'

const owner = Number(spawnSync('id', ['-u', serverUser], { encoding: 'utf8' }).stdout.trim() || NaN)
const isHost = process.getuid?.() === 0 && Number.isInteger(owner)

describe.skipIf(!isHost)('backups and the folder of a server that root does not trust', () => {
  let folder: string
  let serverData: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'store-command-'))
    chmodSync(folder, 0o755)
    serverData = join(folder, 'data', 'server')
    mkdirSync(join(serverData, 'backups'), { recursive: true })
    for (const path of [serverData, join(serverData, 'backups')]) chownSync(path, owner, owner)
    chmodSync(serverData, 0o700)
    writeFileSync(join(folder, 'precious'), 'of root', { mode: 0o600 })
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  /** A context whose server says that it made its backup at `path`. */
  function context(path = ''): Context {
    const none = () => {
      throw new Error('not asked for')
    }
    const client = new Client({
      request: <T>() => Promise.resolve({ path, bytes: 7 } as T),
      watch: none,
      close: () => Promise.resolve(),
    })
    const paths = {
      app: resolve(import.meta.dirname, '../../..'),
      dataDir: join(folder, 'data'),
      runDir: join(folder, 'run'),
    }
    const signal = new AbortController().signal
    return { paths, kubeconfig: none, connection: none, client: () => Promise.resolve(client), signal }
  }
  const inBackups = (name: string) => join(serverData, 'backups', name)
  const target = () => join(folder, 'copy')

  it('copies a backup of the server’s user', async () => {
    writeFileSync(inBackups('a'), 'backup')
    chownSync(inBackups('a'), owner, owner)
    await backup.run(context(inBackups('a')), [target()], {})
    expect(readFileSync(target(), 'utf8')).toBe('backup')
    expect(statSync(target())).toMatchObject({ uid: 0, mode: 0o100600 })
  })

  it.each([
    ['a file elsewhere', () => join(folder, 'precious')],
    ['a way out of the folder', () => `${serverData}/backups/../../../precious`],
    ['the folder above', () => `${serverData}/backups/..`],
    ['a relative path', () => 'backups/a'],
    [
      'a link',
      () => {
        symlinkSync(join(folder, 'precious'), inBackups('link'))
        return inBackups('link')
      },
    ],
    [
      'a second name of root’s file',
      () => {
        linkSync(join(folder, 'precious'), inBackups('second'))
        return inBackups('second')
      },
    ],
  ])('never copies what is not one: %s', async (_, name) => {
    await expect(backup.run(context(name()), [target()], {})).rejects.toThrow()
    expect(existsSync(target())).toBe(false)
  })

  async function makeBackup(): Promise<string> {
    const keyFile = join(serverData, 'encryption.key')
    const store = await SqliteStore.open(join(folder, 'first.db'), {
      transform: new ValueCipher(await ensureKeyFile(keyFile)),
    })
    chownSync(keyFile, owner, owner)
    await store.create('/registry/configmaps/default/a', Buffer.from('{}'))
    const path = join(folder, 'a.backup')
    await store.backup(path)
    await store.close()
    chmodSync(path, 0o600)
    return path
  }

  it('restores as the server’s user, from a file that only root can read', async () => {
    await restore.run(context(), [await makeBackup()], {})
    expect(statSync(join(serverData, 'store.db')).uid).toBe(owner)
  })

  it('restores through no link that only root could follow', async () => {
    const path = await makeBackup()
    rmSync(join(serverData, 'encryption.key'))
    symlinkSync(join(folder, 'precious'), join(serverData, 'encryption.key'))
    await expect(restore.run(context(), [path], {})).rejects.toThrow('EACCES')
    expect(readFileSync(join(folder, 'precious'), 'utf8')).toBe('of root')
  })
})
