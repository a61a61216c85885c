import { open, type FileHandle } from 'node:fs/promises'
import { DriverError } from './volume-driver.ts'

/** Where a file lies in an archive. */
export interface TarEntry {
  name: string
  at: number
  bytes: number
}

const block = 512
const mostEntries = 1000
/** By name: what is in an OVA besides are descriptions, checksums and certificates. */
const diskName = /\.(vmdk|qcow2|img|raw|vdi|vhdx?|iso)(\.(gz|xz|zst|bz2))?$/i

/**
 * The one disk image in an archive, such as an OVA.
 *
 * @throws {DriverError} `Refused` when there is none or there are several; `Corrupt`
 */
export async function diskIn(path: string, subject: string): Promise<TarEntry> {
  const disks = (await tarEntries(path, subject)).filter(({ name, bytes }) => diskName.test(name) && bytes > 0)
  const [disk, ...more] = disks
  if (!disk)
    throw new DriverError('Refused', `${subject} is an archive without a disk image; give the disk image itself`)
  if (more.length > 0) {
    const names = disks.map(({ name }) => JSON.stringify(name.slice(0, 80))).join(', ')
    throw new DriverError(
      'Refused',
      `${subject} is an archive of several disks; take it apart and import each: ${names}`,
    )
  }
  return disk
}

/**
 * The regular files of a tar archive, in order. Only headers are read.
 *
 * @throws {DriverError} `Corrupt`
 * @see POSIX pax, ustar interchange format
 */
export async function tarEntries(path: string, subject: string): Promise<TarEntry[]> {
  await using file = await open(path, 'r')
  const { size } = await file.stat()
  const entries: TarEntry[] = []
  for (let at = 0, count = 0; at + block <= size; count++) {
    const header = await read(file, at)
    if (header.every((byte) => byte === 0)) break
    if (count >= mostEntries || !isSound(header)) throw damaged(subject)
    const bytes = sizeOf(header)
    const end = at + block + bytes
    if (!Number.isSafeInteger(bytes) || end > size) throw damaged(subject)
    const type = String.fromCharCode(header[156] ?? 0)
    if (type === '0' || type === '\0') entries.push({ name: nameOf(header), at: at + block, bytes })
    at = at + block + Math.ceil(bytes / block) * block
  }
  return entries
}

function damaged(subject: string): DriverError {
  return new DriverError('Corrupt', `${subject} is a damaged or incomplete archive; get it again`)
}

/** The sum of the header's bytes, its own field counted as spaces. */
function isSound(header: Buffer): boolean {
  const written = parseInt(field(header, 148, 8), 8)
  const sum = header.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 32 : byte), 0)
  return written === sum
}

/** Octal digits, or binary where the first bit is set, as GNU tar writes sizes from 8 GiB on. */
function sizeOf(header: Buffer): number {
  if (((header[124] ?? 0) & 0x80) === 0) return parseInt(field(header, 124, 12) || '0', 8)
  return Number(header.readBigUInt64BE(128))
}

function nameOf(header: Buffer): string {
  const prefix = field(header, 345, 155)
  const name = field(header, 0, 100)
  return prefix ? `${prefix}/${name}` : name
}

function field(header: Buffer, at: number, length: number): string {
  return header
    .subarray(at, at + length)
    .toString('utf8')
    .replace(/\0[^]*$/, '')
    .trim()
}

async function read(file: FileHandle, at: number): Promise<Buffer> {
  const { bytesRead, buffer } = await file.read(Buffer.alloc(block), 0, block, at)
  return buffer.subarray(0, bytesRead)
}
