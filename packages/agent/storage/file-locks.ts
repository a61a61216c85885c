import { open, readFile } from 'node:fs/promises'

/**
 * QEMU marks what it does with a file by locking single bytes: from 100 on what it does, from 200 on what it lets nobody else do.
 *
 * @see QEMU's block/file-posix.c
 */
const firstLockByte = 100
const lastLockByte = 399
/** Locked by who may write the guest's data. */
const writeByte = 101

/** What other processes do with a disk image right now. */
export interface FileUse {
  open: boolean
  written: boolean
}

/**
 * What processes do with a disk image, as the kernel's table of locks shows: QEMU and its tools lock every image that they open.
 * Works for processes of every user and after a restart of this one.
 */
export async function qemuUse(path: string): Promise<FileUse> {
  return (await qemuUses([path])).get(path)!
}

/** As {@link qemuUse}, of many at once. */
export async function qemuUses(paths: readonly string[]): Promise<Map<string, FileUse>> {
  const table = lockedOn(await readFile('/proc/locks', 'utf8'))
  return new Map(await Promise.all(paths.map(async (path) => [path, await useOf(path, table)] as const)))
}

/** Whether a process has a disk image open. */
export async function isOpenByQemu(path: string): Promise<boolean> {
  return (await qemuUse(path)).open
}

async function useOf(path: string, table: Map<number, Lock[]>): Promise<FileUse> {
  await using file = await open(path, 'r')
  const { ino } = await file.stat()
  const locks = table.get(ino)
  if (!locks) return { open: false, written: false }
  // Inodes are numbered by each file system for itself. Where it cannot be found out, it counts as open: nothing is lost by waiting.
  const device = await deviceOf(file.fd)
  const held = locks.filter((lock) => device === undefined || lock.device === device)
  return {
    open: held.length > 0,
    written: held.some(({ start, end }) => start <= writeByte && writeByte <= end),
  }
}

/** Locked bytes of one file. */
interface Lock {
  /** `major:minor` */
  device: string
  start: number
  end: number
}

/**
 * The locks of QEMU's in the text of /proc/locks, by inode.
 *
 * @see proc_locks(5): `1: OFDLCK ADVISORY READ -1 fe:00:12345 100 101`, the device in hexadecimal
 */
function lockedOn(table: string): Map<number, Lock[]> {
  const inodes = new Map<number, Lock[]>()
  for (const line of table.split('\n')) {
    const match = /(?:OFDLCK|POSIX)\s+\S+\s+\S+\s+\S+\s+([0-9a-f]+):([0-9a-f]+):(\d+)\s+(\d+)\s+(\d+|EOF)/.exec(line)
    const start = Number(match?.[4])
    if (!match || start < firstLockByte || start > lastLockByte) continue
    const inode = Number(match[3])
    const device = `${parseInt(match[1]!, 16)}:${parseInt(match[2]!, 16)}`
    const end = match[5] === 'EOF' ? Infinity : Number(match[5])
    inodes.set(inode, [...(inodes.get(inode) ?? []), { device, start, end }])
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
