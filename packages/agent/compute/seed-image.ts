import { execFile } from 'node:child_process'
import { chmodSync, chownSync, closeSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { isFilePath } from '@thresher/api/kubevirt/downward'
import { confinement, type QemuUser } from './process.ts'

const run = promisify(execFile)

/** A CD-ROM image could not be made. */
export class SeedError extends Error {
  override readonly name = 'SeedError'
}

/** Files of a CD-ROM image by their name in it; one folder deep at most: `openstack/latest/user_data`. */
export type SeedFiles = Record<string, string | Buffer>

/**
 * Write files as an ISO 9660 image with Joliet and Rock Ridge names, which `user` alone may read and nobody change.
 *
 * The program that writes it runs as `user` too. The loose files last only while it runs.
 *
 * @param target the image; its folder should be in memory, as the files may be secret
 * @throws {SeedError}
 */
export async function writeSeedImage(target: string, label: string, files: SeedFiles, user: QemuUser): Promise<void> {
  const source = `${target}.d`
  rmSync(source, { recursive: true, force: true })
  rmSync(target, { force: true })
  try {
    mkdirSync(source, { mode: 0o700 })
    const folders = [source]
    for (const [name, content] of Object.entries(files)) {
      if (!isFilePath(name)) throw new Error(`${JSON.stringify(name)} is not the name of a file`)
      const parts = name.split('/')
      for (let depth = 1; depth < parts.length; depth++) {
        const folder = join(source, ...parts.slice(0, depth))
        if (folders.includes(folder)) continue
        mkdirSync(folder, { mode: 0o700 })
        folders.push(folder)
      }
      const file = join(source, ...parts)
      writeFileSync(file, content, { mode: 0o400, flag: 'wx' })
      chownSync(file, user.uid, user.gid)
    }
    for (const folder of folders) chownSync(folder, user.uid, user.gid)
    closeSync(openSync(target, 'wx', 0o600))
    chownSync(target, user.uid, user.gid)
    const arguments_ = ['-quiet', '-output', target, '-volid', label, '-joliet', '-rock', source]
    await run('setpriv', [...confinement(user), '--', 'genisoimage', ...arguments_], {
      timeout: 20_000,
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
      cwd: '/',
    })
    chmodSync(target, 0o440)
    chownSync(target, 0, user.gid)
  } catch (cause) {
    rmSync(target, { force: true })
    const words = (cause as { stderr?: string }).stderr?.trim().split('\n').at(-1) ?? (cause as Error).message
    throw new SeedError(`the configuration disk could not be written: ${words}`, { cause })
  } finally {
    rmSync(source, { recursive: true, force: true })
  }
}
