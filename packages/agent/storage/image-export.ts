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

/** One raw file that several read. */
interface Shared {
  file: Promise<ImageFile>
  readers: number
  stop: AbortController
}

/**
 * Gives out the files of finished images. An image never changes, so its qcow2 is given as it is; raw is made of it in a sparse file,
 * which is the same each time, and once for all who read it at a time.
 */
export class ImageExports {
  readonly #files: ImageFiles
  readonly #reserveBytes: number
  readonly #raw = new Map<ImageId, Shared>()

  constructor(files: ImageFiles, reserveBytes: number) {
    this.#files = files
    this.#reserveBytes = reserveBytes
  }

  /** @throws {DriverError} `NotFound`, `NoSpace`; the signal's reason */
  async open(id: ImageId, form: ImageFileForm, subject: string, signal: AbortSignal): Promise<ImageFile> {
    if ((await this.#files.virtualBytes(id)) === undefined)
      throw new DriverError('NotFound', `${subject} is not imported yet; wait for it`)
    if (form === 'qcow2') return fileAt(this.#files.folders.image(id), `"${id}-qcow2"`, () => Promise.resolve())
    const shared = this.#raw.get(id) ?? this.#make(id, subject)
    shared.readers++
    const release = async () => {
      if (--shared.readers > 0) return
      this.#raw.delete(id)
      shared.stop.abort(new Error('nobody reads it any more'))
      await shared.file.then((file) => file[Symbol.asyncDispose]()).catch(() => {})
    }
    try {
      const file = await aborted(shared.file, signal)
      return { ...file, [Symbol.asyncDispose]: release }
    } catch (error) {
      await release()
      throw error
    }
  }

  #make(id: ImageId, subject: string): Shared {
    const stop = new AbortController()
    const shared = { file: this.#convert(id, subject, stop.signal), readers: 0, stop }
    this.#raw.set(id, shared)
    return shared
  }

  async #convert(id: ImageId, subject: string, signal: AbortSignal): Promise<ImageFile> {
    const path = this.#files.folders.image(id)
    // QEMU's tools cannot write to a pipe; the holes of the image cost nothing in a sparse file.
    const { blocks } = await stat(path)
    await this.#files.checkRoom(blocks * 512 + this.#reserveBytes, subject)
    const made = join(this.#files.folders.images, `.export-${randomBytes(6).toString('hex')}`)
    const remove = () => rm(made, { force: true })
    try {
      await qemuImg(['convert', '-q', '-f', 'qcow2', '-O', 'raw', '-W', '-m', '8', path, made], subject, { signal })
      return await fileAt(made, `"${id}-raw"`, remove)
    } catch (error) {
      await remove()
      throw error
    }
  }
}

/** A promise's value, or the signal's reason where that comes first. */
function aborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason as Error)
    if (signal.aborted) return stop()
    signal.addEventListener('abort', stop, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
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
