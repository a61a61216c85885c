import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { HashName } from './download.ts'
import { DriverError } from './volume-driver.ts'

/** How a stream of bytes is written to a file. */
export interface Upload {
  body: Readable
  path: string
  /** What messages name. */
  subject: string
  /** How many bytes were announced. */
  totalBytes?: number
  /** Compute this digest on the way. */
  hash?: HashName
  onProgress?: (received: number, total: number | undefined) => void
  signal?: AbortSignal
}

/**
 * Write what is sent to a file.
 *
 * @returns its length, and its digest when asked for
 * @throws {DriverError} `NoSpace`; `Corrupt` when less or more comes than announced; the stream's error; the signal's reason
 */
export async function receiveUpload(upload: Upload): Promise<{ bytes: number; digest?: string }> {
  const { body, path, subject, totalBytes, onProgress, signal } = upload
  const hash = upload.hash && createHash(upload.hash)
  let bytes = 0
  async function* counted(pieces: AsyncIterable<Buffer>) {
    for await (const piece of pieces) {
      hash?.update(piece)
      bytes += piece.length
      onProgress?.(bytes, totalBytes)
      yield piece
    }
  }
  try {
    await pipeline(body, counted, createWriteStream(path, { mode: 0o644 }), { signal })
  } catch (error) {
    signal?.throwIfAborted()
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC')
      throw new DriverError('NoSpace', `the disk is full: ${subject} does not fit; delete images or volumes`, {
        cause: error,
      })
    throw error
  }
  if (totalBytes !== undefined && bytes !== totalBytes)
    throw new DriverError(
      'Corrupt',
      `${subject}: ${totalBytes} bytes were announced, ${bytes} came; upload the file again`,
    )
  return { bytes, digest: hash?.digest('hex') }
}
