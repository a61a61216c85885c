import { createWriteStream } from 'node:fs'
import { chmod, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import { failureWords } from '@thresher/api/failure-words'
import { convertSource, workerOf, type Importing } from './import-image.ts'
import { title } from './plan-import.ts'
import { DriverError, isDriverError } from './volume-driver.ts'

/** An image's file as another host of the cluster gives it out. */
export interface PeerFile {
  bytes: number
  body: Readable
}

/** What copies are made with. */
export interface ImageCopiesOptions extends Importing {
  /** Open the file of an image, `namespace/name`, on the host that imported it. */
  fetchImage: (key: string, signal: AbortSignal) => Promise<PeerFile>
}

const defaultReserveBytes = 256 * 1024 * 1024

/**
 * Copies of images that other hosts have imported, fetched when the first volume here is to be made of one. They can be fetched again,
 * so they go with their image without anybody waiting for them.
 */
export class ImageCopies {
  readonly #options: ImageCopiesOptions
  /** What is being fetched, by the image's UID: once for all volumes that wait for it. */
  readonly #fetching = new Map<string, Promise<void>>()

  constructor(options: ImageCopiesOptions) {
    this.#options = options
  }

  /**
   * Have an image's file on this host.
   *
   * @throws {DriverError} `NoSpace`, `Corrupt`, `CommandFailed`; `NotFound` while the other host does not give it out
   */
  async ensure(image: VirtualMachineImage, signal: AbortSignal): Promise<void> {
    const { uid = '' } = image.metadata
    if ((await this.#options.files.virtualBytes(uid)) !== undefined) return
    const running = this.#fetching.get(uid) ?? this.#fetch(image, signal).finally(() => this.#fetching.delete(uid))
    this.#fetching.set(uid, running)
    await running
  }

  /** Remove the copy of an image that is gone. @returns whether there is none left; false while it is in use */
  async remove(uid: string): Promise<boolean> {
    try {
      if (await this.#options.files.isCopy(uid)) await this.#options.files.remove(uid)
      return true
    } catch (error) {
      if (isDriverError(error, 'InUse')) return false
      throw error
    }
  }

  /** The UIDs of the images whose copies are here. */
  list(): Promise<string[]> {
    return this.#options.files.copies()
  }

  async #fetch(image: VirtualMachineImage, signal: AbortSignal): Promise<void> {
    const { namespace, name, uid = '' } = image.metadata
    const { files, fetchImage, reserveBytes = defaultReserveBytes } = this.#options
    const folder = await files.beginImport(uid, workerOf(this.#options))
    try {
      const source = join(folder, 'source')
      const { bytes, body } = await open(() => fetchImage(`${namespace}/${name}`, signal), title(image))
      await files.checkRoom(2 * bytes + reserveBytes, title(image))
      await receive(body, source, bytes, signal)
      // The other host may have been taken over: its file is looked into as any other from outside.
      const virtualBytes = await convertSource(this.#options, { subject: title(image), signal }, folder)
      if (virtualBytes !== image.status?.virtualSize)
        throw new DriverError(
          'Corrupt',
          `the copy of ${title(image)} has ${virtualBytes} bytes for a guest, not ${image.status?.virtualSize}`,
        )
      await files.markCopy(uid)
      await files.settle(uid, join(folder, 'out/image.qcow2'))
    } catch (error) {
      await files.discardImport(uid)
      signal.throwIfAborted()
      throw error
    }
  }
}

async function open(fetch: () => Promise<PeerFile>, subject: string): Promise<PeerFile> {
  try {
    return await fetch()
  } catch (cause) {
    throw new DriverError('NotFound', `${subject} cannot be fetched from its host: ${failureWords(cause)}`, { cause })
  }
}

/** @throws {DriverError} `NotFound` when the file breaks off */
async function receive(body: Readable, path: string, bytes: number, signal: AbortSignal): Promise<void> {
  await rm(path, { force: true })
  try {
    await pipeline(body, createWriteStream(path, { mode: 0o600 }), { signal })
  } catch (cause) {
    throw new DriverError('NotFound', `an image's file broke off: ${failureWords(cause)}`, { cause })
  }
  const { size } = await stat(path)
  if (size !== bytes) throw new DriverError('NotFound', `an image's file broke off after ${size} of ${bytes} bytes`)
  await chmod(path, 0o644)
}
