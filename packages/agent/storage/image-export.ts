import { randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { ImageFiles } from './image-files.ts'
import { qemuImg } from './qemu-img.ts'
import { DriverError, type ImageId } from './volume-driver.ts'

/** The forms in which an image is given out. */
export type ImageFileForm = 'qcow2' | 'raw'

/** A file to be read out; disposing of it removes what was made for it. */
export interface ImageFile extends AsyncDisposable {
  bytes: number
  /** Strong: the same for as long as the bytes are. */
  etag: string
  /** From this byte to the end. */
  read(start: number): Readable
}

const nothing = () => Promise.resolve()

/**
 * The file of a finished image. An image never changes, so its qcow2 is given as it is; raw is made of it in a sparse file, which is
 * the same each time.
 *
 * @throws {DriverError} `NotFound`, `NoSpace`
 */
export async function openImageFile(
  files: ImageFiles,
  { id, subject, form, reserveBytes }: { id: ImageId; subject: string; form: ImageFileForm; reserveBytes: number },
  signal: AbortSignal,
): Promise<ImageFile> {
  const virtualBytes = await files.virtualBytes(id)
  if (virtualBytes === undefined) throw new DriverError('NotFound', `${subject} is not imported yet; wait for it`)
  const path = files.folders.image(id)
  if (form === 'qcow2') return fileAt(path, `"${id}-qcow2"`, nothing)
  // QEMU's tools cannot write to a pipe; the holes of the image cost nothing in a sparse file.
  const { blocks } = await stat(path)
  await files.checkRoom(blocks * 512 + reserveBytes, subject)
  const made = join(files.folders.images, `.export-${randomBytes(6).toString('hex')}`)
  const remove = () => rm(made, { force: true })
  try {
    await qemuImg(['convert', '-q', '-f', 'qcow2', '-O', 'raw', '-W', '-m', '8', path, made], subject, { signal })
    return await fileAt(made, `"${id}-raw"`, remove)
  } catch (error) {
    await remove()
    throw error
  }
}

async function fileAt(path: string, etag: string, dispose: () => Promise<void>): Promise<ImageFile> {
  const { size } = await stat(path)
  return {
    bytes: size,
    etag,
    read: (start) => createReadStream(path, { start, highWaterMark: 1024 * 1024 }),
    [Symbol.asyncDispose]: dispose,
  }
}
