import type { Static } from 'typebox'
import { Type } from '@thresher/api/type'
import { matches } from '@thresher/api/matches'
import { toolError } from './qemu-img.ts'
import type { ImageFormat } from './image-format.ts'
import { readQcow2Header } from './qcow2-header.ts'
import { runConfined, type Confinement } from './sandbox.ts'
import { DriverError } from './volume-driver.ts'

/** A file from outside, and where its conversion goes; both lie in `folder`. */
export interface Conversion {
  folder: string
  /** File names, not paths. */
  from: string
  to: string
  format: ImageFormat
  /** What messages name: `image default/debian`. */
  subject: string
  confinement: Confinement
  /** Past the page cache, where the file system can. */
  direct: boolean
  /** Called with 0 to 100. */
  onProgress?: (percent: number) => void
  signal?: AbortSignal
}

/** The part of `qemu-img info --output=json` that is looked at. */
const Info = Type.Object({
  'virtual-size': Type.Integer({ minimum: 0 }),
  'backing-filename': Type.Optional(Type.String()),
  encrypted: Type.Optional(Type.Boolean()),
  'format-specific': Type.Optional(
    Type.Object({
      data: Type.Optional(
        Type.Object({
          'data-file': Type.Optional(Type.String()),
          corrupt: Type.Optional(Type.Boolean()),
          extents: Type.Optional(Type.Array(Type.Object({ filename: Type.String() }))),
        }),
      ),
    }),
  ),
})
type Info = Static<typeof Info>

const largestBytes = 64 * 1024 ** 4

/**
 * Look a disk image over without trusting it: size, references to other files, damage.
 *
 * @returns the size that a guest will see, in bytes
 * @throws {DriverError} `Refused`, `Corrupt` or `CommandFailed`
 */
export async function inspectImage(conversion: Conversion): Promise<number> {
  const { subject, format } = conversion
  const told = await qemuImg(conversion, ['info', '--output=json', '-f', format, conversion.from])
  if (told.code !== 0)
    throw new DriverError('Corrupt', `${subject} cannot be read as ${format}: ${lastWords(told.errors)}`)
  const info = parseInfo(told.out, subject)
  refuseReferences(info, conversion)
  const bytes = info['virtual-size']
  if (bytes === 0) throw new DriverError('Corrupt', `${subject} holds no data`)
  if (bytes > largestBytes)
    throw new DriverError('Refused', `${subject} claims to be ${bytes} bytes large; at most 64 TiB are taken`)
  if (format !== 'raw') await checkStructure(conversion)
  return bytes
}

/** Write the image as a qcow2 of our own. @throws {DriverError} `NoSpace`, `Corrupt` or `CommandFailed` */
export async function convertImage(conversion: Conversion): Promise<void> {
  const { format, subject, direct, onProgress } = conversion
  const cache = direct ? ['-t', 'none', '-T', 'none'] : ['-t', 'writeback']
  const shape = ['-O', 'qcow2', '-o', 'cluster_size=128k', '-W', '-m', '8', '-p']
  const told = await qemuImg(
    conversion,
    ['convert', '-f', format, ...cache, ...shape, conversion.from, conversion.to],
    (text) => {
      const percent = /\((\d+)\.\d+\/100%\)[^(]*$/.exec(text)?.[1]
      if (percent !== undefined) onProgress?.(Number(percent))
    },
  )
  if (told.signal === 'SIGXFSZ')
    throw new DriverError('NoSpace', `the disk is full: ${subject} does not fit; delete images or volumes`)
  if (told.code !== 0) throw toolError(told.errors || `it was ended by ${told.signal}`, subject)
  const header = await readQcow2Header(`${conversion.folder}/${conversion.to}`)
  if (!header || header.backingFile !== undefined || header.externalData || header.corrupt)
    throw new DriverError('CommandFailed', `converting ${subject} gave no sound qcow2 file`)
}

/** Exit codes of `qemu-img check`: 0 sound, 1 failed, 2 damaged, 3 leaks only, 63 the format has no check. */
async function checkStructure(conversion: Conversion): Promise<void> {
  const told = await qemuImg(conversion, ['check', '-q', '-f', conversion.format, conversion.from])
  if (told.code === 0 || told.code === 3 || told.code === 63) return
  const words = lastWords(`${told.out}\n${told.errors}`)
  throw new DriverError(
    'Corrupt',
    `${conversion.subject} is damaged: ${words}; get it again or repair it with: qemu-img check -r all FILE`,
  )
}

function qemuImg(conversion: Conversion, args: string[], onText?: (text: string) => void) {
  const { folder, signal, confinement } = conversion
  return runConfined('qemu-img', args, confinement, { cwd: folder, signal, onText })
}

function parseInfo(out: string, subject: string): Info {
  const unknown = (cause?: unknown) =>
    new DriverError('CommandFailed', `qemu-img said something unknown about ${subject}`, { cause })
  let info: unknown
  try {
    info = JSON.parse(out)
  } catch (cause) {
    throw unknown(cause)
  }
  if (!matches(Info, info)) throw unknown()
  return info
}

/** A second look, by the tool that will open the file: none of its parts may lie elsewhere. */
function refuseReferences(info: Info, { subject, from }: Conversion): void {
  const data = info['format-specific']?.data
  const elsewhere =
    info['backing-filename'] ??
    data?.['data-file'] ??
    data?.extents?.find(({ filename }) => filename !== from)?.filename
  if (elsewhere !== undefined)
    throw new DriverError(
      'Refused',
      `${subject} refers to another file, ${JSON.stringify(elsewhere.slice(0, 200))}; flatten it with: qemu-img convert -O qcow2 IN OUT`,
    )
  if (info.encrypted) throw new DriverError('Refused', `${subject} is encrypted; give it decrypted`)
  if (data?.corrupt)
    throw new DriverError('Corrupt', `${subject} marks itself as damaged; repair it with: qemu-img check -r all FILE`)
}

function lastWords(errors: string): string {
  const lines = errors
    .trim()
    .split('\n')
    .map((line) => line.replace(/^qemu-img: /, ''))
    .filter(Boolean)
  return lines.slice(-2).join('; ').slice(0, 300) || 'no reason given'
}
