import { closeSync, constants, fchownSync, fstatSync, openSync, readFileSync, rmSync } from 'node:fs'

/** More than any screen or any store of UEFI variables. */
const mostBytes = 256 * 1024 * 1024

/**
 * Read a file that QEMU wrote. QEMU is not trusted: it may write to its run's folder, so it could put a link to a file of
 * the host's there instead, or a pipe, or a file without end.
 */
export function readQemuFile(path: string): Buffer {
  const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const stat = fstatSync(file)
    if (!stat.isFile() || stat.nlink !== 1 || stat.size > mostBytes) throw new Error(`QEMU wrote no plain file ${path}`)
    return readFileSync(file)
  } finally {
    closeSync(file)
  }
}

/** Make an empty file that a QEMU may write to, and it alone. What is there already is removed, not followed. */
export function makeQemuFile(path: string, user: number): void {
  rmSync(path, { force: true })
  const file = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600)
  try {
    fchownSync(file, user, -1)
  } finally {
    closeSync(file)
  }
}

/** The end of QEMU's own messages, on one line. */
export function lastLines(logFile: string): string {
  try {
    const lines = readFileSync(logFile, 'utf8').trim().split('\n').slice(-3)
    return lines.join('; ').slice(-500) || 'it wrote nothing'
  } catch {
    return 'it wrote nothing'
  }
}
