import { createHash, type Hash } from 'node:crypto'
import { open, readFile, rm, stat, statfs, truncate, writeFile, type FileHandle } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { get as httpsGet } from 'node:https'
import { dirname } from 'node:path'

/** Not imported: an import reads every export, `WebSocket` among them, and so loads all of Node's fetch, 10 MiB. */
const { get: httpGet } = process.getBuiltinModule('node:http')

/** Why a download did not come to its end. All but `BadUrl` may go better the next time. */
export type DownloadReason = 'BadUrl' | 'HttpStatus' | 'Unreachable' | 'Stalled' | 'Cut' | 'NoSpace'

/** The one error of downloads; the message names the URL. */
export class DownloadError extends Error {
  readonly reason: DownloadReason

  constructor(reason: DownloadReason, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'DownloadError'
    this.reason = reason
  }
}

/** What to fetch and where to. */
export interface DownloadRequest {
  url: string
  /** The file that grows. What an earlier call left there is gone on with, when the server can. */
  path: string
  /** Compute the SHA-512 on the way. */
  hash: boolean
  /** Bytes that must stay free on the disk. */
  reserveBytes: number
  /** Called after every piece; `total` when the server said it. */
  onProgress?: (received: number, total: number | undefined) => void
  limits?: Partial<DownloadLimits>
  signal?: AbortSignal
}

/** Time limits in milliseconds. */
export interface DownloadLimits {
  /** Until the first byte of the answer. */
  answerMs: number
  /** Between two pieces of the answer. */
  stallMs: number
}

/** A file that is there in full, as far as the server's word goes. */
export interface Downloaded {
  bytes: number
  /** Lower-case hex, when asked for. */
  sha512?: string
}

/** How to tell, at the next call, that the server still has the same content. */
interface Origin {
  url: string
  validator: string
  /** The length that was announced. */
  total?: number
}

/** What an earlier call left of the same address. */
interface HeldPart extends Origin {
  bytes: number
}

const defaults: DownloadLimits = { answerMs: 30_000, stallMs: 60_000 }
const mostRedirects = 5
const spaceCheckBytes = 32 * 1024 * 1024

/**
 * Fetch a file over HTTP or HTTPS. An interrupted download is gone on with by the next call for the same URL, unless the
 * content has changed on the server.
 *
 * @throws {DownloadError}; the signal's reason when aborted
 */
export async function download(request: DownloadRequest): Promise<Downloaded> {
  const { url, path, hash: wantsHash, signal } = request
  checkUrl(url)
  const limits = { ...defaults, ...request.limits }
  const held = await heldPart(url, path)
  let start = held?.bytes ?? 0
  let response = await ask(url, start, held?.validator, limits, signal)
  if (held && response.statusCode === 416 && isWhole(response, held)) {
    response.destroy()
    return { bytes: start, sha512: wantsHash ? await sumOf(path, start) : undefined }
  }
  if (response.statusCode === 416 || (response.statusCode === 206 && !(held && goesOn(response, held)))) {
    response.destroy()
    start = 0
    response = await ask(url, 0, undefined, limits, signal)
  }
  if (response.statusCode !== 200 && !(response.statusCode === 206 && start > 0)) {
    response.destroy()
    const said = `${response.statusCode} ${response.statusMessage ?? ''}`.trim()
    throw new DownloadError('HttpStatus', `${shown(url)} answered ${said}; check the address`)
  }
  if (response.statusCode === 200) start = 0
  const total = totalOf(response, start)
  const hash = wantsHash ? createHash('sha512') : undefined
  try {
    if (start === 0) await writeOrigin(path, url, response)
    if (total !== undefined) await checkSpace(path, total - start, request.reserveBytes)
    if (hash && start > 0) await hashFile(path, start, hash)
    const bytes = await receive(response, { ...request, start, total, hash, stallMs: limits.stallMs })
    return { bytes, sha512: hash?.digest('hex') }
  } finally {
    response.destroy()
  }
}

/** Remove a download and what is remembered about it. */
export async function discardDownload(path: string): Promise<void> {
  await rm(path, { force: true })
  await rm(originPath(path), { force: true })
}

interface Reception extends Omit<DownloadRequest, 'hash'> {
  start: number
  total: number | undefined
  hash: Hash | undefined
  stallMs: number
}

/** Write what comes to the file; a time without any piece ends it. @returns the size of the whole file */
async function receive(response: IncomingMessage, work: Reception): Promise<number> {
  const { url, path, start, total, hash, stallMs, reserveBytes, onProgress, signal } = work
  const stall = new DownloadError('Stalled', `${shown(url)} sent nothing for ${Math.round(stallMs / 1000)} s`)
  const timer = setTimeout(() => response.destroy(stall), stallMs)
  const abort = () => response.destroy(signal?.reason as Error)
  signal?.addEventListener('abort', abort, { once: true })
  let received = start
  let unchecked = 0
  let file: FileHandle | undefined
  try {
    signal?.throwIfAborted()
    await truncate(path, start)
    file = await open(path, 'r+')
    for await (const piece of response as AsyncIterable<Buffer>) {
      timer.refresh()
      const written = file.write(piece, 0, piece.length, received)
      hash?.update(piece)
      await written
      received += piece.length
      unchecked += piece.length
      if (unchecked >= spaceCheckBytes) {
        unchecked = 0
        await checkSpace(path, 0, reserveBytes)
      }
      onProgress?.(received, total)
    }
  } catch (error) {
    signal?.throwIfAborted()
    if (error instanceof DownloadError) throw error
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOSPC' || code === 'EFBIG') throw noSpace(path, error)
    if (received < (total ?? Infinity)) throw shortfall(url, received, total, { cause: error })
    throw new DownloadError('Cut', `${shown(url)}: ${message}`, { cause: error })
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', abort)
    await file?.close()
  }
  if (total !== undefined && received !== total) throw shortfall(url, received, total)
  return received
}

function shortfall(url: string, received: number, total: number | undefined, options?: { cause: unknown }) {
  const announced = total === undefined ? 'an unknown length' : `${total} bytes`
  return new DownloadError('Cut', `${shown(url)} announced ${announced} but ended after ${received}`, options)
}

/** Send the request and follow redirects. @returns the answer, of any other status, with its body unread */
async function ask(
  url: string,
  start: number,
  validator: string | undefined,
  limits: DownloadLimits,
  signal: AbortSignal | undefined,
): Promise<IncomingMessage> {
  const headers = {
    'user-agent': 'thresher',
    'accept-encoding': 'identity',
    ...(start > 0 && validator ? { range: `bytes=${start}-`, 'if-range': validator } : {}),
  }
  let target = url
  for (let hop = 0; hop <= mostRedirects; hop++) {
    const response = await answerOf(target, headers, limits.answerMs, signal)
    const { location } = response.headers
    if (!location || ![301, 302, 303, 307, 308].includes(response.statusCode ?? 0)) return response
    response.destroy()
    target = new URL(location, target).href
    checkUrl(target)
  }
  throw new DownloadError('HttpStatus', `${shown(url)} redirects more than ${mostRedirects} times`)
}

function answerOf(url: string, headers: Record<string, string>, answerMs: number, signal?: AbortSignal) {
  return new Promise<IncomingMessage>((resolve, reject) => {
    const get = url.startsWith('https:') ? httpsGet : httpGet
    const late = new DownloadError('Stalled', `${shown(url)} did not answer within ${answerMs / 1000} s`)
    const request = get(url, { headers, signal, agent: false })
    const timer = setTimeout(() => request.destroy(late), answerMs)
    request.once('response', (response) => {
      clearTimeout(timer)
      resolve(response)
    })
    request.once('error', (error) => {
      clearTimeout(timer)
      if (signal?.aborted) return reject(signal.reason as Error)
      if (error instanceof DownloadError) return reject(error)
      reject(new DownloadError('Unreachable', `${shown(url)} cannot be reached: ${error.message}`, { cause: error }))
    })
  })
}

function checkUrl(url: string): void {
  const protocol = URL.canParse(url) ? new URL(url).protocol : ''
  if (protocol !== 'http:' && protocol !== 'https:')
    throw new DownloadError(
      'BadUrl',
      `${JSON.stringify(url.slice(0, 200))} is no address that starts with http:// or https://`,
    )
}

/** The address without a password. */
function shown(url: string): string {
  const parsed = new URL(url)
  parsed.username = ''
  parsed.password = ''
  parsed.search = ''
  return parsed.href
}

/** Whether a partial answer goes on exactly where the file ends, in a whole of the same length as before. */
function goesOn(response: IncomingMessage, held: HeldPart): boolean {
  const [, first, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers['content-range'] ?? '') ?? []
  return (
    Number(first ?? -1) === held.bytes && (total === '*' || held.total === undefined || Number(total) === held.total)
  )
}

/** Whether a refusal of the range says that the file has been complete already. @see RFC 9110, section 15.5.17 */
function isWhole(response: IncomingMessage, { bytes, total = bytes }: HeldPart): boolean {
  return bytes === total && response.headers['content-range'] === `bytes */${bytes}`
}

async function sumOf(path: string, bytes: number): Promise<string> {
  const hash = createHash('sha512')
  await hashFile(path, bytes, hash)
  return hash.digest('hex')
}

function totalOf(response: IncomingMessage, start: number): number | undefined {
  const length = response.headers['content-length']
  return length !== undefined && /^\d+$/.test(length) ? start + Number(length) : undefined
}

const originPath = (path: string) => `${path}.origin`

/** What is there of the file, when its server can be asked whether it is still the same. */
async function heldPart(url: string, path: string): Promise<HeldPart | undefined> {
  const origin = await readOrigin(path)
  const bytes = (await stat(path).catch(() => undefined))?.size ?? 0
  return origin?.url === url && bytes > 0 ? { ...origin, bytes } : undefined
}

async function readOrigin(path: string): Promise<Origin | undefined> {
  try {
    const value = JSON.parse(await readFile(originPath(path), 'utf8')) as Partial<Origin>
    const { url, validator, total } = value
    if (typeof url !== 'string' || typeof validator !== 'string') return undefined
    return { url, validator, ...(typeof total === 'number' ? { total } : {}) }
  } catch {
    return undefined
  }
}

/** Begin the file anew. A weak ETag does not vouch for bytes. @see RFC 9110, section 13.1.5 */
async function writeOrigin(path: string, url: string, response: IncomingMessage): Promise<void> {
  await discardDownload(path)
  await writeFile(path, '', { mode: 0o644 })
  const { etag } = response.headers
  const validator = etag && !etag.startsWith('W/') ? etag : response.headers['last-modified']
  if (!validator) return
  const origin: Origin = { url, validator, total: totalOf(response, 0) }
  await writeFile(originPath(path), JSON.stringify(origin))
}

async function hashFile(path: string, bytes: number, hash: Hash): Promise<void> {
  const file = await open(path, 'r')
  try {
    for await (const piece of file.createReadStream({ end: bytes - 1, highWaterMark: 1024 * 1024, autoClose: false }))
      hash.update(piece as Buffer)
  } finally {
    await file.close()
  }
}

async function checkSpace(path: string, bytes: number, reserveBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(dirname(path))
  if (bavail * bsize < bytes + reserveBytes) throw noSpace(path, undefined, bytes, bavail * bsize)
}

function noSpace(path: string, cause: unknown, needed = 0, free = 0): DownloadError {
  const mib = (bytes: number) => `${Math.ceil(bytes / 1024 / 1024)} MiB`
  const figures = needed > 0 ? `${mib(needed)} are needed, ${mib(free)} are free` : 'it has no room left'
  return new DownloadError('NoSpace', `the disk of ${dirname(path)} is full: ${figures}; delete images or volumes`, {
    cause,
  })
}
