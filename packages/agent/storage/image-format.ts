import { open, stat } from 'node:fs/promises'
import { DriverError } from './volume-driver.ts'
import { readQcow2Header } from './qcow2-header.ts'

/** The forms of disk images that are taken, by the name qemu-img knows them. An ISO image is `raw`. */
export type ImageFormat = 'raw' | 'qcow2' | 'vmdk' | 'vdi' | 'vhdx' | 'vpc'

interface Mark {
  at: number
  bytes: Buffer
}
const text = (at: number, value: string): Mark => ({ at, bytes: Buffer.from(value, 'latin1') })
const hex = (at: number, value: string): Mark => ({ at, bytes: Buffer.from(value, 'hex') })

const formats: [ImageFormat, Mark][] = [
  ['qcow2', text(0, 'QFI\xfb')],
  ['vmdk', text(0, 'KDMV')],
  ['vdi', hex(0x40, '7f10dabe')],
  ['vhdx', text(0, 'vhdxfile')],
  ['vpc', text(0, 'conectix')],
]

const refusals: [Mark, string][] = [
  [
    text(0, '# Disk DescriptorFile'),
    'is a VMDK description that names other files; give one sparse or streamOptimized VMDK',
  ],
  [text(0, 'COWD'), 'is a VMDK of an old form; convert it to qcow2 first'],
  [text(0, 'QED\0'), 'is a QED image; convert it to qcow2 first'],
  [hex(0, '1f8b'), 'is compressed with gzip; give the unpacked image'],
  [hex(0, 'fd377a585a00'), 'is compressed with xz; give the unpacked image'],
  [hex(0, '28b52ffd'), 'is compressed with zstd; give the unpacked image'],
  [text(0, 'BZh'), 'is compressed with bzip2; give the unpacked image'],
  [text(0, 'PK\x03\x04'), 'is a ZIP archive; give the disk image in it'],
  [text(257, 'ustar'), 'is a tar archive (an OVA?); give the disk image in it'],
  [text(0, '<!DOCTYPE'), 'is a web page, not a disk image; check the address'],
  [text(0, '<!doctype'), 'is a web page, not a disk image; check the address'],
  [text(0, '<html'), 'is a web page, not a disk image; check the address'],
]

/**
 * Tell what a file from outside is, by its own first bytes and never by its name, and refuse what could make a tool read
 * other files of this host. Reads a few bytes only.
 *
 * @param subject what messages name
 * @throws {DriverError} `Refused` or `Corrupt`
 */
export async function detectFormat(path: string, subject: string): Promise<ImageFormat> {
  const { size } = await stat(path)
  if (size === 0) throw new DriverError('Corrupt', `${subject} is empty`)
  const head = await firstBytes(path, 1024)
  const shows = ({ at, bytes }: Mark) => head.subarray(at, at + bytes.length).equals(bytes)
  const refusal = refusals.find(([mark]) => shows(mark))
  if (refusal) throw new DriverError('Refused', `${subject} ${refusal[1]}`)
  const format = formats.find(([, mark]) => shows(mark))?.[0] ?? 'raw'
  if (format === 'qcow2') await refuseReferences(path, subject)
  if (format === 'vmdk' && head.length >= 24 && head.readBigUInt64LE(12) === 0n)
    throw new DriverError('Refused', `${subject} is a VMDK that keeps its data in other files; give one sparse VMDK`)
  return format
}

/** A qcow2 from outside must stand alone. */
async function refuseReferences(path: string, subject: string): Promise<void> {
  const header = await readQcow2Header(path)
  if (!header) throw new DriverError('Corrupt', `${subject} is no complete qcow2 file of version 2 or 3`)
  if (header.backingFile !== undefined)
    throw new DriverError(
      'Refused',
      `${subject} is only the difference to a backing file, ${JSON.stringify(header.backingFile.slice(0, 200))}; flatten it with: qemu-img convert -O qcow2 IN OUT`,
    )
  if (header.externalData)
    throw new DriverError(
      'Refused',
      `${subject} keeps its data in another file; flatten it with: qemu-img convert -O qcow2 IN OUT`,
    )
  if (header.encrypted) throw new DriverError('Refused', `${subject} is encrypted; give it decrypted`)
  if (header.corrupt)
    throw new DriverError('Corrupt', `${subject} marks itself as damaged; repair it with: qemu-img check -r all FILE`)
}

async function firstBytes(path: string, count: number): Promise<Buffer> {
  const file = await open(path, 'r')
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(count), 0, count, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}
