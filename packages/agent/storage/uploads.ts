import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { matches } from '@thresher/api/matches'
import { Type } from '@thresher/api/type'
import type { HashName } from './download.ts'
import { FreeSpace } from './free-space.ts'
import type { StorageFolders } from './storage-folders.ts'
import { DriverError, type ImageId } from './volume-driver.ts'

/** How much of an upload is there. */
export interface UploadState {
  receivedBytes: number
  /** Of the whole file, when it is known. */
  totalBytes?: number
  /** All of it is there and can be imported. */
  complete: boolean
}

/** A piece of a file that somebody sends. */
export interface UploadPiece {
  /** What messages name. */
  subject: string
  body: Readable
  /** Where in the file the first byte belongs; what is there behind it is replaced. */
  offset: number
  /** Length of the whole file. Without it the file ends where the body does. */
  totalBytes?: number
  onProgress?: (received: number, total: number | undefined) => void
  signal?: AbortSignal
}

const Note = Type.Object({ totalBytes: Type.Optional(Type.Integer({ minimum: 0 })), ended: Type.Boolean() })

/**
 * Files that users send, in the folder of their import. What came before a connection broke stays, so that the sender asks how
 * much is there and goes on.
 */
export class Uploads {
  readonly #folders: StorageFolders
  readonly #reserveBytes: number
  readonly #receiving = new Set<ImageId>()

  constructor(folders: StorageFolders, reserveBytes: number) {
    this.#folders = folders
    this.#reserveBytes = reserveBytes
  }

  /** The file itself. */
  path(id: ImageId): string {
    return join(this.#folders.import(id), 'source')
  }

  async state(id: ImageId): Promise<UploadState> {
    const receivedBytes = (await stat(this.path(id)).catch(() => undefined))?.size ?? 0
    const { totalBytes, ended = false } = (await this.#readNote(id)) ?? {}
    return {
      receivedBytes,
      ...(totalBytes === undefined ? {} : { totalBytes }),
      complete: ended && receivedBytes === (totalBytes ?? receivedBytes) && receivedBytes > 0,
    }
  }

  /**
   * Write what is sent to the file.
   *
   * @throws {DriverError} `Conflict` while another sends, or when bytes before `offset` are missing; `NoSpace`; `Corrupt` when more
   *   comes than was announced; the stream's error; the signal's reason
   */
  async receive(id: ImageId, piece: UploadPiece): Promise<UploadState> {
    const { subject, offset, totalBytes } = piece
    if (this.#receiving.has(id)) throw new DriverError('Conflict', `${subject} is being uploaded already`)
    this.#receiving.add(id)
    try {
      const { receivedBytes } = await this.state(id)
      if (!Number.isSafeInteger(offset) || offset < 0 || offset > receivedBytes)
        throw new DriverError('Conflict', `${subject}: ${receivedBytes} bytes are there, send the file from there on`)
      await mkdir(this.#folders.import(id), { recursive: true, mode: 0o711 })
      await this.#writeNote(id, { ...(totalBytes === undefined ? {} : { totalBytes }), ended: false })
      const end = await this.#write(this.path(id), piece)
      if (totalBytes !== undefined && end > totalBytes)
        throw new DriverError('Corrupt', `${subject}: ${totalBytes} bytes were announced, more came; upload it again`)
      if (totalBytes === undefined || end === totalBytes) await this.#writeNote(id, { totalBytes: end, ended: true })
      return await this.state(id)
    } catch (error) {
      if (error instanceof DriverError && error.reason !== 'Conflict') await this.discard(id)
      throw error
    } finally {
      this.#receiving.delete(id)
    }
  }

  /** The digest of the whole file, lower-case hex. */
  async digest(id: ImageId, algorithm: HashName): Promise<string> {
    const hash = createHash(algorithm)
    for await (const piece of createReadStream(this.path(id), { highWaterMark: 1024 * 1024 }))
      hash.update(piece as Buffer)
    return hash.digest('hex')
  }

  async discard(id: ImageId): Promise<void> {
    await rm(this.path(id), { force: true })
    await rm(this.#notePath(id), { force: true })
  }

  /** @returns where the file ends now */
  async #write(path: string, { body, subject, offset, totalBytes, onProgress, signal }: UploadPiece): Promise<number> {
    const space = new FreeSpace(this.#folders.images, this.#reserveBytes)
    const noRoom = (cause?: unknown) =>
      new DriverError('NoSpace', `the disk is full: ${subject} does not fit; delete images or volumes`, { cause })
    if (totalBytes !== undefined && !(await space.check(totalBytes - offset)).fits) throw noRoom()
    const file = await open(path, 'a', 0o644)
    const abort = () => body.destroy(signal?.reason as Error)
    signal?.addEventListener('abort', abort, { once: true })
    let end = offset
    try {
      signal?.throwIfAborted()
      await truncate(path, offset)
      for await (const piece of body as AsyncIterable<Buffer>) {
        end += piece.length
        if (end > (totalBytes ?? Infinity)) return end
        await file.writeFile(piece)
        onProgress?.(end, totalBytes)
        if (!(await space.wrote(piece.length))) throw noRoom()
      }
      await file.sync()
      return end
    } catch (error) {
      signal?.throwIfAborted()
      throw (error as NodeJS.ErrnoException).code === 'ENOSPC' ? noRoom(error) : error
    } finally {
      signal?.removeEventListener('abort', abort)
      await file.close()
    }
  }

  #notePath(id: ImageId): string {
    return join(this.#folders.import(id), 'upload.json')
  }

  async #readNote(id: ImageId): Promise<{ totalBytes?: number; ended: boolean } | undefined> {
    try {
      const value: unknown = JSON.parse(await readFile(this.#notePath(id), 'utf8'))
      return matches(Note, value) ? value : undefined
    } catch {
      return undefined
    }
  }

  async #writeNote(id: ImageId, note: { totalBytes?: number; ended: boolean }): Promise<void> {
    await writeFile(this.#notePath(id), JSON.stringify(note))
  }
}
