import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { ApiError } from '@thresher/api/error'
import type { HttpsTransportOptions } from '@thresher/client/node/https-transport'
import { readText, streamedRequest } from '@thresher/client/node/streamed-request'
import { UserError } from '../user-error.ts'

/** What the server says of an upload. */
interface UploadState {
  receivedBytes: number
  complete: boolean
}

/** Where an image is. */
export interface ImagePlace {
  namespace: string
  name: string
}

const longestWaitMs = 15_000
/** Tries without a single byte more. */
const mostTries = 8

/** The path of what can be done with an image's file. */
export function imagePath({ namespace, name }: ImagePlace, what: 'upload' | 'download'): string {
  const parts = [namespace, name].map(encodeURIComponent)
  return `/apis/harvesterhci.io/v1beta1/namespaces/${parts[0]}/virtualmachineimages/${parts[1]}/${what}`
}

/**
 * Send a file as an image's content. What has arrived is not sent again, neither after a broken connection nor by a later call.
 *
 * @param onProgress with per cent
 * @throws {UserError} when the file cannot be read; {ApiError} when the server refuses it, or cannot be reached for long
 */
export async function uploadFile(
  server: HttpsTransportOptions,
  place: ImagePlace,
  file: string,
  onProgress: (percent: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const found = await stat(file).catch(() => undefined)
  if (!found?.isFile()) throw new UserError(`${file} is not a file.`)
  if (found.size === 0) throw new UserError(`${file} is empty.`)
  let last = -1
  for (let failures = 0; ;) {
    try {
      const state = await uploadState(server, place, signal)
      // The answer to the last piece was lost.
      if (state.complete && state.receivedBytes === found.size) return
      const offset = state.receivedBytes < found.size ? state.receivedBytes : 0
      if (offset > last) failures = 0
      last = offset
      if (await sendFrom(server, place, { file, size: found.size, offset, onProgress }, signal)) return
    } catch (error) {
      if (signal.aborted || !mayPass(error) || ++failures >= mostTries) throw error
      await sleep(Math.min(500 * 2 ** failures, longestWaitMs), undefined, { signal })
    }
  }
}

/** What is there of an upload. @throws {ApiError} */
async function uploadState(
  server: HttpsTransportOptions,
  place: ImagePlace,
  signal: AbortSignal,
): Promise<UploadState> {
  const response = await streamedRequest(server, { method: 'GET', path: imagePath(place, 'upload'), signal })
  return JSON.parse(await readText(response)) as UploadState
}

async function sendFrom(
  server: HttpsTransportOptions,
  place: ImagePlace,
  piece: { file: string; size: number; offset: number; onProgress: (percent: number) => void },
  signal: AbortSignal,
): Promise<boolean> {
  const { file, size, offset, onProgress } = piece
  const body = createReadStream(file, { start: offset, end: size - 1, highWaterMark: 1024 * 1024 })
  let sent = offset
  body.on('data', (chunk) => {
    sent += chunk.length
    onProgress(Math.floor((sent / size) * 100))
  })
  body.pause()
  const response = await streamedRequest(server, {
    method: 'PUT',
    path: imagePath(place, 'upload'),
    query: { offset: String(offset), size: String(size) },
    headers: { 'content-length': String(size - offset) },
    body,
    signal,
  })
  return (JSON.parse(await readText(response)) as UploadState).complete
}

/** Whether the next try may go better. */
function mayPass(error: unknown): boolean {
  return error instanceof ApiError && ['ServiceUnavailable', 'Timeout', 'TooManyRequests'].includes(error.reason)
}
