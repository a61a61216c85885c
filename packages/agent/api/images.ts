import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { ApiError, type Reason } from '@thresher/api/error'
import type { ImageFile, ImageFileForm } from '../storage/image-export.ts'
import type { UploadPiece, UploadState } from '../storage/uploads.ts'
import { DriverError, type DriverReason } from '../storage/volume-driver.ts'

/** What the agent's API needs of the images of its node. Keys are `namespace/name`. */
export interface ImageStore {
  upload(key: string, piece: Pick<UploadPiece, 'body' | 'offset' | 'totalBytes' | 'signal'>): Promise<UploadState>
  uploadState(key: string): Promise<UploadState>
  /** The file of a finished image in a form that clients take. */
  open(key: string, form: ImageFileForm, signal: AbortSignal): Promise<ImageFile>
}

/** One request about an image's file. */
interface Transfer {
  request: IncomingMessage
  response: ServerResponse
  path: string
  query: URLSearchParams
}

/**
 * `GET /images/<namespace>/<name>/upload` says how much is there, `PUT` with `offset` and `size` sends more of it, and
 * `GET /images/<namespace>/<name>/download` with `format` gives the file, or the part of it that `Range` names.
 */
export async function transferImage(images: ImageStore, transfer: Transfer): Promise<void> {
  const { request, response, path } = transfer
  const [, , namespace = '', name = '', what = ''] = path.split('/').map(decodeURIComponent)
  const key = `${namespace}/${name}`
  try {
    switch (`${request.method} ${what}`) {
      case 'PUT upload':
        return answer(response, await takeUpload(images, key, transfer))
      case 'GET upload':
        return answer(response, await images.uploadState(key))
      case 'GET download':
        return await giveFile(images, key, transfer)
      default:
        throw new ApiError('NotFound', `the agent has nothing at ${request.method} ${path}`)
    }
  } catch (error) {
    const refusal = asApiError(error)
    // The refusal must arrive before the connection breaks off under what is still being sent.
    response.setHeader('connection', 'close')
    request.resume()
    setTimeout(() => request.destroy(), lingerMs).unref()
    throw refusal
  }
}

const lingerMs = 5000

function takeUpload(images: ImageStore, key: string, { request, query }: Transfer): Promise<UploadState> {
  const size = query.get('size')
  const totalBytes = size === null ? undefined : wholeNumber(size, 'size')
  return images.upload(key, {
    body: request,
    offset: wholeNumber(query.get('offset') ?? '0', 'offset'),
    ...(totalBytes === undefined ? {} : { totalBytes }),
  })
}

async function giveFile(images: ImageStore, key: string, { request, response, query }: Transfer): Promise<void> {
  const format = query.get('format') ?? 'qcow2'
  if (format !== 'qcow2' && format !== 'raw')
    throw new ApiError('BadRequest', `the format ${JSON.stringify(format)} is unknown: use qcow2 or raw`)
  const gone = new AbortController()
  response.once('close', () => gone.abort(new Error('the connection was closed')))
  await using file = await images.open(key, format, gone.signal)
  const start = rangeStart(request, file)
  if (start >= file.bytes && start > 0) {
    response.writeHead(416, { 'content-range': `bytes */${file.bytes}` }).end()
    return
  }
  response.writeHead(start > 0 ? 206 : 200, {
    'content-type': 'application/octet-stream',
    'content-length': file.bytes - start,
    'accept-ranges': 'bytes',
    etag: file.etag,
    ...(start > 0 ? { 'content-range': `bytes ${start}-${file.bytes - 1}/${file.bytes}` } : {}),
  })
  await pipeline(file.read(start), response, { signal: gone.signal })
}

/** Only the rest of a file can be asked for, and only of this very file. @see RFC 9110 sections 13.1.5, 14.2 */
function rangeStart({ headers }: IncomingMessage, { etag }: ImageFile): number {
  const condition = headers['if-range']
  if (condition !== undefined && condition !== etag) return 0
  return Number(/^bytes=(\d{1,15})-$/.exec(headers.range ?? '')?.[1] ?? 0)
}

function wholeNumber(text: string, what: string): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (!Number.isSafeInteger(value))
    throw new ApiError('BadRequest', `${what}: ${JSON.stringify(text)} is no number of bytes`)
  return value
}

function answer(response: ServerResponse, state: UploadState): void {
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(state))
}

const reasons: Partial<Record<DriverReason, Reason>> = {
  NotFound: 'NotFound',
  Conflict: 'Conflict',
  InUse: 'Conflict',
  Invalid: 'BadRequest',
  Corrupt: 'BadRequest',
  Refused: 'BadRequest',
  NoSpace: 'ServiceUnavailable',
}

function asApiError(error: unknown): unknown {
  const reason = error instanceof DriverError ? reasons[error.reason] : undefined
  return reason ? new ApiError(reason, (error as Error).message, { cause: error }) : error
}
