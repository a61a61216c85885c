import { createReadStream, createWriteStream } from 'node:fs'
import { open, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { ImageFormat, Wrapping } from './file-marks.ts'
import { detectForm } from './image-format.ts'
import { runConfined, type Confinement } from './sandbox.ts'
import { diskIn } from './tar.ts'
import { DriverError } from './volume-driver.ts'

/** A file from outside that may be packed, or lie in an OVA. */
export interface Unwrapping {
  /** Where the file lies, and where what is in it is written. */
  folder: string
  /** The name of the file. */
  from: string
  /** What messages name. */
  subject: string
  confinement: Confinement
  signal?: AbortSignal
}

/** Unpack to standard output, with memory of their own bounded where they can be told. */
const programs: Record<Exclude<Wrapping, 'tar'>, [program: string, ...args: string[]]> = {
  gzip: ['gzip', '-dc'],
  xz: ['xz', '-dc', '-M512MiB'],
  zstd: ['zstd', '-dcq', '--sparse', '-M512MB'],
  bzip2: ['bzip2', '-dc'],
}

/** An archive in a packed file, as `.tar.xz`, is as deep as it gets. */
const deepest = 2
/** Zeros pack a thousandfold with gzip; what unpacks to more, beyond this size, is made to fill the disk. */
const largestRatio = 1000
const alwaysAllowedBytes = 1024 ** 3

/**
 * Find the disk image in a file: as it is, unpacked, or the one disk of an archive.
 *
 * @returns the name of the file in `folder` that holds it, and its format
 * @throws {DriverError} `Refused`, `Corrupt`, `NoSpace`; the signal's reason
 */
export async function unwrap(work: Unwrapping): Promise<{ from: string; format: ImageFormat }> {
  let from = work.from
  for (let depth = 0; ; depth++) {
    const found = await detectForm(join(work.folder, from), work.subject)
    if (found.form === 'disk') return { from, format: found.format }
    if (depth === deepest)
      throw new DriverError(
        'Refused',
        `${work.subject} is packed more than ${deepest} times; give the disk image in it`,
      )
    const to = `unwrapped-${depth}`
    await (found.by === 'tar' ? extract({ ...work, from }, to) : unpack({ ...work, from }, found.by, to))
    // What is not needed any more makes room; the file as it was given stays until the import has ended.
    if (from !== work.from) await rm(join(work.folder, from), { force: true })
    from = to
  }
}

async function unpack(work: Unwrapping, by: Exclude<Wrapping, 'tar'>, to: string): Promise<void> {
  const { folder, from, subject, confinement, signal } = work
  const [program, ...args] = programs[by]
  const packed = (await stat(join(folder, from))).size
  const most = Math.max(alwaysAllowedBytes, packed * largestRatio)
  const room = confinement.fileBytes ?? Infinity
  const output = await open(join(folder, to), 'w', 0o644)
  try {
    const ended = await runConfined(
      program,
      [...args, from],
      { ...confinement, fileBytes: Math.min(most, room) },
      { cwd: folder, signal, outputFd: output.fd },
    )
    if (ended.signal === 'SIGXFSZ' || /File too large/i.test(ended.errors)) throw tooLarge(subject, most, room)
    if (/No space left/i.test(ended.errors)) throw tooLarge(subject, Infinity, 0)
    if (ended.code !== 0)
      throw new DriverError('Corrupt', `${subject} cannot be unpacked by ${program}: ${lastLine(ended.errors)}`)
  } finally {
    await output.close()
  }
}

function tooLarge(subject: string, most: number, room: number): DriverError {
  if (room < most)
    return new DriverError('NoSpace', `the disk is full: ${subject} does not fit unpacked; delete images or volumes`)
  return new DriverError(
    'Refused',
    `${subject} unpacks to more than ${largestRatio} times its size; give it unpacked or as qcow2`,
  )
}

async function extract({ folder, from, subject, signal }: Unwrapping, to: string): Promise<void> {
  const disk = await diskIn(join(folder, from), subject)
  const part = join(folder, `${to}.part`)
  try {
    await pipeline(
      createReadStream(join(folder, from), {
        start: disk.at,
        end: disk.at + disk.bytes - 1,
        highWaterMark: 1024 * 1024,
      }),
      createWriteStream(part, { mode: 0o644 }),
      { signal },
    )
  } catch (error) {
    signal?.throwIfAborted()
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') throw tooLarge(subject, Infinity, 0)
    throw error
  }
  await rename(part, join(folder, to))
}

function lastLine(errors: string): string {
  return errors.trim().split('\n').at(-1)?.slice(0, 200) || 'no reason given'
}
