import { readFile, stat } from 'node:fs/promises'

/** QEMU marks what it does with a file by locking single bytes from here on. @see QEMU's block/file-posix.c */
const firstLockByte = 100
const lastLockByte = 399

/**
 * Whether a process has a disk image open, as the kernel's table of locks shows: QEMU and its tools lock every image that
 * they open. Works for processes of every user and after a restart of this one.
 */
export async function isOpenByQemu(path: string): Promise<boolean> {
  const { ino } = await stat(path)
  return lockedInodes(await readFile('/proc/locks', 'utf8')).has(ino)
}

/**
 * The inodes with locks of QEMU's in the text of /proc/locks. Devices are not compared: some file systems show another
 * number there than in `stat`.
 *
 * @see proc_locks(5): `1: OFDLCK ADVISORY READ -1 fe:00:12345 100 101`
 */
function lockedInodes(table: string): Set<number> {
  const inodes = new Set<number>()
  for (const line of table.split('\n')) {
    const match = /(?:OFDLCK|POSIX)\s+\S+\s+\S+\s+\S+\s+[0-9a-f]+:[0-9a-f]+:(\d+)\s+(\d+)\s/.exec(line)
    const start = Number(match?.[2])
    if (match && start >= firstLockByte && start <= lastLockByte) inodes.add(Number(match[1]))
  }
  return inodes
}
