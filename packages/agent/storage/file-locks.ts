import { open, readFile } from 'node:fs/promises'

/** QEMU marks what it does with a file by locking single bytes from here on. @see QEMU's block/file-posix.c */
const firstLockByte = 100
const lastLockByte = 399

/**
 * Whether a process has a disk image open, as the kernel's table of locks shows: QEMU and its tools lock every image that
 * they open. Works for processes of every user and after a restart of this one.
 */
export async function isOpenByQemu(path: string): Promise<boolean> {
  await using file = await open(path, 'r')
  const { ino } = await file.stat()
  const devices = lockedOn(await readFile('/proc/locks', 'utf8')).get(ino)
  if (!devices) return false
  // Inodes are numbered by each file system for itself. Where it cannot be found out, it counts as open: nothing is lost by waiting.
  const device = await deviceOf(file.fd)
  return device === undefined || devices.has(device)
}

/**
 * The inodes with locks of QEMU's in the text of /proc/locks, each with the devices of its file systems, as `major:minor`.
 *
 * @see proc_locks(5): `1: OFDLCK ADVISORY READ -1 fe:00:12345 100 101`, the device in hexadecimal
 */
function lockedOn(table: string): Map<number, Set<string>> {
  const inodes = new Map<number, Set<string>>()
  for (const line of table.split('\n')) {
    const match = /(?:OFDLCK|POSIX)\s+\S+\s+\S+\s+\S+\s+([0-9a-f]+):([0-9a-f]+):(\d+)\s+(\d+)\s/.exec(line)
    const start = Number(match?.[4])
    if (!match || start < firstLockByte || start > lastLockByte) continue
    const inode = Number(match[3])
    const device = `${parseInt(match[1]!, 16)}:${parseInt(match[2]!, 16)}`
    inodes.set(inode, (inodes.get(inode) ?? new Set()).add(device))
  }
  return inodes
}

/**
 * The device of an open file's file system, as the table of locks names it. Not what `stat` says: on btrfs and overlayfs that is
 * another for each subvolume or layer.
 *
 * @see proc_pid_fdinfo(5), proc_pid_mountinfo(5): `36 35 98:0 / /mnt …`
 */
async function deviceOf(fd: number): Promise<string | undefined> {
  const mount = /^mnt_id:\s*(\d+)$/m.exec(await readFile(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1]
  if (mount === undefined) return undefined
  const mounts = await readFile('/proc/self/mountinfo', 'utf8')
  return new RegExp(`^${mount} \\d+ (\\d+:\\d+) `, 'm').exec(mounts)?.[1]
}
