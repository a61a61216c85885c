import { chmod, link, mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import { dirname } from 'node:path'

/**
 * Write a file that only its owner may read, so that after a crash there is the old content or the new, never a part.
 *
 * @param options.exclusive throw EEXIST instead of replacing a file that is there
 */
export async function writePrivateFile(
  path: string,
  content: string | Uint8Array,
  options: { exclusive?: boolean; mode?: number } = {},
): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.new`
  try {
    const file = await open(temporary, 'wx', options.mode ?? 0o600)
    try {
      await file.writeFile(content)
      await file.sync()
    } finally {
      await file.close()
    }
    if (options.exclusive) await link(temporary, path)
    else await rename(temporary, path)
    await using directory = await open(dirname(path), 'r')
    await directory.sync()
  } finally {
    await rm(temporary, { force: true })
  }
}

/** Make a directory that only its owner may enter; one that is there is narrowed to that. */
export async function makePrivateDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 })
  await chmod(path, 0o700)
}

/** Take from group and others what they may do with a file, when someone has opened it up. */
export async function narrowToOwner(path: string): Promise<void> {
  const { mode } = await stat(path)
  if ((mode & 0o077) !== 0) await chmod(path, 0o600)
}
