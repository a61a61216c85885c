import { createWriteStream } from 'node:fs'
import { rename, stat } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import type { HttpsTransportOptions } from '@thresher/client/node/https-transport'
import { streamedRequest } from '@thresher/client/node/streamed-request'
import { UserError } from '../user-error.ts'
import { imagePath, type ImagePlace } from './upload.ts'

/**
 * Fetch an image's file. It has its name when it is whole; what an earlier call left under `FILE.part` is gone on with.
 *
 * @param onProgress with per cent
 * @throws {UserError} when the file exists; {ApiError}
 */
export async function downloadFile(
  server: HttpsTransportOptions,
  place: ImagePlace,
  { file, format, onProgress }: { file: string; format: string; onProgress: (percent: number) => void },
  signal: AbortSignal,
): Promise<number> {
  if (await stat(file).catch(() => undefined)) throw new UserError(`${file} exists; remove it or choose another name.`)
  const part = `${file}.part`
  const held = (await stat(part).catch(() => undefined))?.size ?? 0
  const response = await streamedRequest(server, {
    method: 'GET',
    path: imagePath(place, 'download'),
    query: { format },
    headers: held > 0 ? { range: `bytes=${held}-` } : {},
    signal,
  })
  const start = response.statusCode === 206 ? held : 0
  const total = start + Number(response.headers['content-length'] ?? 0)
  let received = start
  response.on('data', (chunk: Buffer) => {
    received += chunk.length
    onProgress(Math.floor((received / total) * 100))
  })
  await pipeline(response, createWriteStream(part, { flags: start > 0 ? 'a' : 'w' }), { signal })
  if (received !== total) throw new UserError(`the connection broke after ${received} of ${total} bytes; run it again.`)
  await rename(part, file)
  return total
}
