import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { filesOf } from '../paths.ts'
import { readableApp } from './installation.ts'
import { serverUser } from './users.ts'

const id = (flag: string, user: string) => Number(spawnSync('id', [flag, user], { encoding: 'utf8' }).stdout.trim())
const canMount = (): boolean => {
  if (process.getuid?.() !== 0 || !id('-u', serverUser)) return false
  return spawnSync('unshare', ['--mount', 'true']).status === 0
}

test.skipIf(!canMount())(
  'a checkout below a closed folder is opened to the server’s user alone, who cannot write to it',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'readable-app-'))
    const paths = { app: join(folder, 'closed', 'app'), dataDir: join(folder, 'data'), runDir: join(folder, 'run') }
    const { appMount } = filesOf(paths)
    try {
      chmodSync(folder, 0o755)
      mkdirSync(join(paths.app, 'packages/server'), { recursive: true })
      for (const file of ['package.json', 'packages/server/main.ts']) writeFileSync(join(paths.app, file), '{}')
      chmodSync(join(folder, 'closed'), 0o700)
      // Folders of an earlier version, open to everybody.
      mkdirSync(dirname(appMount), { recursive: true, mode: 0o755 })
      expect(await readableApp(paths)).toBe(appMount)
      const { uid, gid, mode } = statSync(dirname(appMount))
      expect({ uid, gid, mode: mode & 0o7777 }).toEqual({ uid: 0, gid: id('-g', serverUser), mode: 0o750 })
      const main = join(appMount, 'packages/server/main.ts')
      const may = (user: string, what: string) =>
        spawnSync('setpriv', ['--reuid', user, '--regid', String(id('-g', user)), '--clear-groups', 'test', what, main])
          .status === 0
      expect([may(serverUser, '-r'), may('nobody', '-r')]).toEqual([true, false])
      expect(() => writeFileSync(main, 'changed')).toThrow('EROFS')
      expect(await readableApp(paths)).toBe(appMount)
    } finally {
      spawnSync('umount', [appMount])
      // With the mount still there this would remove the checkout.
      rmSync(join(folder, 'run'), { recursive: true, force: true })
      rmSync(folder, { recursive: true, force: true })
    }
  },
)
