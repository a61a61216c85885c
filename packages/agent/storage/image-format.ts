import { open, type FileHandle } from 'node:fs/promises'
import {
  formats,
  rawMarks,
  refusals,
  texts,
  wrappings,
  type ImageFormat,
  type Mark,
  type Wrapping,
} from './file-marks.ts'
import { readQcow2Header } from './qcow2-header.ts'
import { DriverError } from './volume-driver.ts'

export type { ImageFormat } from './file-marks.ts'

/** What a file from outside is. */
export type FileForm = { form: 'disk'; format: ImageFormat } | { form: 'wrapped'; by: Wrapping }

/** Enough for every mark from the beginning. */
const headBytes = 0x1_0200
const tailBytes = 512
/** No disk that anything starts from is smaller. */
const leastBytes = 64 * 1024
const textBytes = 4096

/**
 * Tell what a file from outside is, by its own bytes and never by its name, and refuse what is no disk image or could make a tool
 * read other files of this host. Reads its beginning and its end only.
 *
 * @param subject what messages name
 * @throws {DriverError} `Refused` or `Corrupt`
 */
export async function detectForm(path: string, subject: string): Promise<FileForm> {
  const { bytes, head, tail } = await ends(path)
  if (bytes === 0) throw new DriverError('Corrupt', `${subject} is empty`)
  const refuse = (why: string): never => {
    throw new DriverError('Refused', `${subject} ${why}`)
  }
  const shows = (mark: Mark) => showsIn(mark, head, tail, bytes)
  const wrapping = wrappings.find(([, mark]) => shows(mark))
  if (wrapping) return { form: 'wrapped', by: wrapping[0] }
  const format = formats.find(([, mark]) => shows(mark))?.[0]
  if (format === 'qcow2') await refuseReferences(path, subject)
  if (format === 'vmdk' && head.length >= 24 && head.readBigUInt64LE(12) === 0n)
    refuse('is a VMDK that keeps its data in other files; give one sparse VMDK')
  if (format) return { form: 'disk', format }
  const refusal = refusals.find(([mark]) => shows(mark))?.[1] ?? textRefusal(head)
  if (refusal) refuse(refusal)
  if (bytes < leastBytes) refuse(`has only ${bytes} bytes, which is no disk image; check the address`)
  if (!rawMarks.some(shows) && head.subarray(0, textBytes).some((byte) => byte !== 0))
    refuse(
      'is of no known form: neither a boot sector, a partition table nor a file system shows; if it is a raw disk all the same, convert it first: qemu-img convert -f raw -O qcow2 IN OUT',
    )
  return { form: 'disk', format: 'raw' }
}

function showsIn({ at, bytes }: Mark, head: Buffer, tail: Buffer, size: number): boolean {
  // What stands at the end of a shorter file is its beginning.
  if (at < 0)
    return size > headBytes / 64 && tail.subarray(tail.length + at, tail.length + at + bytes.length).equals(bytes)
  return head.subarray(at, at + bytes.length).equals(bytes)
}

/** What to say of a file that begins with nothing but text; undefined for others. */
function textRefusal(head: Buffer): string | undefined {
  const start = head.subarray(0, textBytes)
  const [first, second] = start
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) return texts.at(-1)![1]
  const decoded = decode(start)
  // Control characters but for tab, line ends and form feed are no text.
  // oxlint-disable-next-line no-control-regex -- exactly these are looked for
  if (decoded === undefined || /[\0-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]/.test(decoded)) return undefined
  const words = decoded.replace(/^[\ufeff\s]+/, '')
  return texts.find(([pattern]) => pattern.test(words))?.[1]
}

/** As UTF-8; a character that is cut at the very end does not count. */
function decode(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes, { stream: true })
  } catch {
    return undefined
  }
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

async function ends(path: string): Promise<{ bytes: number; head: Buffer; tail: Buffer }> {
  await using file = await open(path, 'r')
  const { size } = await file.stat()
  const tailAt = Math.max(0, size - tailBytes)
  return { bytes: size, head: await read(file, 0, headBytes), tail: await read(file, tailAt, tailBytes) }
}

async function read(file: FileHandle, at: number, count: number): Promise<Buffer> {
  const { bytesRead, buffer } = await file.read(Buffer.alloc(count), 0, count, at)
  return buffer.subarray(0, bytesRead)
}
