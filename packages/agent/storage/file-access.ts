import { constants } from 'node:fs'
import { open, readFile, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { FileAccess } from './block-node.ts'

/** Find out how files in a folder can be opened: not every file system knows O_DIRECT, not every kernel io_uring. */
export async function probeFileAccess(folder: string): Promise<FileAccess> {
  const direct = await takesDirect(join(folder, `.new-probe-${process.pid}`))
  if (await hasIoUring()) return { direct, aio: 'io_uring' }
  return { direct, aio: direct ? 'native' : 'threads' }
}

async function takesDirect(path: string): Promise<boolean> {
  try {
    const file = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_DIRECT, 0o600)
    await file.close()
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EINVAL') return false
    throw error
  } finally {
    await unlink(path).catch(() => {})
  }
}

/** @see docs.kernel.org/admin-guide/sysctl/kernel.html, io_uring_disabled: 0 everybody, 1 a group, 2 nobody */
async function hasIoUring(): Promise<boolean> {
  try {
    return (await readFile('/proc/sys/kernel/io_uring_disabled', 'utf8')).trim() === '0'
  } catch {
    return false
  }
}
