/** One entry of an archive: a folder without `data`, a file with. */
export interface CpioEntry {
  path: string
  /** Permission bits. */
  mode: number
  data?: Buffer
}

/**
 * An archive in the form that the kernel takes for an initramfs.
 *
 * @see https://docs.kernel.org/driver-api/early-userspace/buffer-format.html (newc)
 */
export function cpioArchive(entries: CpioEntry[]): Buffer {
  const parts: Buffer[] = []
  const add = (path: string, mode: number, links: number, data: Buffer, inode: number) => {
    const numbers = [inode, mode, 0, 0, links, 0, data.length, 0, 0, 0, 0, path.length + 1, 0]
    const head = `070701${numbers.map((value) => value.toString(16).padStart(8, '0')).join('')}${path}\0`
    parts.push(padded(Buffer.from(head)), padded(data))
  }
  entries.forEach(({ path, mode, data }, index) => {
    const kind = data ? 0o100000 : 0o040000
    add(path, kind | mode, data ? 1 : 2, data ?? Buffer.alloc(0), index + 1)
  })
  add('TRAILER!!!', 0, 1, Buffer.alloc(0), 0)
  return Buffer.concat(parts)
}

function padded(data: Buffer): Buffer {
  return Buffer.concat([data, Buffer.alloc((4 - (data.length % 4)) % 4)])
}
