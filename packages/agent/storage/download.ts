import { createHash, type Hash } from 'node:crypto'
import { open, readFile, rm, stat, statfs, truncate, writeFile, type FileHandle } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { dirname } from 'node:path'
import { matches } from '@thresher/api/matches'
import { Egress } from '@thresher/client/node/egress/egress'
import { DownloadError, shownUrl } from './download-error.ts'
import { askFor } from './http-answer.ts'
import { Pace } from './pace.ts'
import { goesOn, isWhole, originOf, totalOf, Origin, validatorOf, type HeldPart } from './resume.ts'

/** The digests that a file can be compared with. */
export type HashName = 'sha256' | 'sha512'

/** What to fetch and where to. */
export interface DownloadRequest {
  url: string
  /** The file that grows. What an earlier call left there is gone on with, when the server can. */
  path: string
  /** Compute this digest on the way; who asks for it compares it, so that it vouches for the whole. */
  hash?: HashName
  /** Bytes that must stay free on the disk. */
  reserveBytes: number
  /** Which addresses may be connected to; those that nothing opens unless given. */
  egress?: Egress
  /** Called after every piece; `total` when the server said it. */
  onProgress?: (received: number, total: number | undefined) => void
  limits?: Partial<DownloadLimits>
  signal?: AbortSignal
}

/** What a server may take. Times in milliseconds. */
export interface DownloadLimits {
  /** Until the first byte of the answer. */
  answerMs: number
  /** Between two pieces of the answer. */
  stallMs: number
  /** The least that must come, as the mean of {@link paceMs}. */
  bytesPerSecond: number
  paceMs: number
}

/** A file that is there in full, as far as the server's word goes. */
export interface Downloaded {
  bytes: number
  /** Lower-case hex, when asked for. */
  digest?: string
}

const defaults: DownloadLimits = { answerMs: 30_000, stallMs: 60_000, bytesPerSecond: 16 * 1024, paceMs: 60_000 }
const spaceCheckBytes = 32 * 1024 * 1024

/**
 * Fetch a file over HTTP or HTTPS. An interrupted download is gone on with by the next call for the same URL, unless the
 * content may have changed on the server: then it begins anew.
 *
 * @throws {DownloadError}; the signal's reason when aborted
 */
export async function download(request: DownloadRequest): Promise<Downloaded> {
  const { url, path, hash: algorithm } = request
  const limits = { ...defaults, ...request.limits }
  const held = await heldPart(url, path, algorithm !== undefined)
  if (held && isWhole(held))
    return { bytes: held.bytes, digest: algorithm && (await sumOf(path, held.bytes, algorithm)) }
  const { response, start, total } = await begin(request, held, limits)
  const hash = algorithm && createHash(algorithm)
  try {
    if (total !== undefined) await checkSpace(path, total - start, request.reserveBytes)
    if (hash && start > 0) await hashFile(path, start, hash)
    const bytes = await receive(response, { ...request, start, total, digest: hash, limits })
    return { bytes, digest: hash?.digest('hex') }
  } finally {
    response.destroy()
  }
}

interface Beginning {
  response: IncomingMessage
  /** Where in the file the answer's first byte belongs. */
  start: number
  /** Length of the whole, when it is known. */
  total: number | undefined
}

/** Ask for the rest of what is held, or else for all of it. */
async function begin(
  { url, path, egress = new Egress({ allow: [], deny: [] }), signal, hash }: DownloadRequest,
  held: HeldPart | undefined,
  { answerMs }: DownloadLimits,
): Promise<Beginning> {
  const ask = (more: Record<string, string>) =>
    askFor({
      url,
      headers: { 'user-agent': 'thresher', 'accept-encoding': 'identity', ...more },
      answerMs,
      egress,
      signal,
    })
  const validator = held && validatorOf(held)
  let answer = await ask(
    held ? { range: `bytes=${held.bytes}-`, ...(validator === undefined ? {} : { 'if-range': validator }) } : {},
  )
  const partOf = ({ response, from }: typeof answer) => ({
    status: response.statusCode ?? 0,
    headers: response.headers,
    from,
  })
  if (held && goesOn(partOf(answer), held, hash !== undefined))
    return { response: answer.response, start: held.bytes, total: totalOf(partOf(answer)) ?? held.total }
  if (held && answer.response.statusCode !== 200) {
    answer.response.destroy()
    answer = await ask({})
  }
  const { response } = answer
  if (response.statusCode !== 200) {
    response.destroy()
    const said = `${response.statusCode} ${response.statusMessage ?? ''}`.trim()
    throw new DownloadError('HttpStatus', `${shownUrl(url)} answered ${said}; check the address`)
  }
  await writeOrigin(path, originOf(url, partOf(answer)))
  return { response, start: 0, total: totalOf(partOf(answer)) }
}

/** Remove a download and what is remembered about it. */
export async function discardDownload(path: string): Promise<void> {
  await rm(path, { force: true })
  await rm(originPath(path), { force: true })
}

interface Reception extends Omit<DownloadRequest, 'hash' | 'limits'> {
  start: number
  total: number | undefined
  digest: Hash | undefined
  limits: DownloadLimits
}

/** Write what comes to the file; a time without any piece ends it. @returns the size of the whole file */
async function receive(response: IncomingMessage, work: Reception): Promise<number> {
  const { url, path, start, total, digest, limits, reserveBytes, onProgress, signal } = work
  const { stallMs, bytesPerSecond, paceMs } = limits
  const pace = new Pace(bytesPerSecond, paceMs, performance.now())
  const stall = new DownloadError('Stalled', `${shownUrl(url)} sent nothing for ${Math.round(stallMs / 1000)} s`)
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
      digest?.update(piece)
      await written
      received += piece.length
      unchecked += piece.length
      if (unchecked >= spaceCheckBytes) {
        unchecked = 0
        await checkSpace(path, 0, reserveBytes)
      }
      onProgress?.(received, total)
      const slow = pace.count(piece.length, performance.now())
      if (slow !== undefined) throw tooSlow(url, slow, bytesPerSecond)
    }
  } catch (error) {
    signal?.throwIfAborted()
    if (error instanceof DownloadError) throw error
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOSPC' || code === 'EFBIG') throw noSpace(path, error)
    if (received < (total ?? Infinity)) throw shortfall(url, received, total, { cause: error })
    throw new DownloadError('Cut', `${shownUrl(url)}: ${message}`, { cause: error })
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', abort)
    await file?.close()
  }
  if (total !== undefined && received !== total) throw shortfall(url, received, total)
  return received
}

function tooSlow(url: string, rate: number, least: number): DownloadError {
  const kib = (bytes: number) => `${(bytes / 1024).toFixed(1)} KiB/s`
  return new DownloadError('TooSlow', `${shownUrl(url)} sends ${kib(rate)}, at least ${kib(least)} are expected`)
}

function shortfall(url: string, received: number, total: number | undefined, options?: { cause: unknown }) {
  const announced = total === undefined ? 'an unknown length' : `${total} bytes`
  return new DownloadError('Cut', `${shownUrl(url)} announced ${announced} but ended after ${received}`, options)
}

async function sumOf(path: string, bytes: number, algorithm: HashName): Promise<string> {
  const hash = createHash(algorithm)
  await hashFile(path, bytes, hash)
  return hash.digest('hex')
}

const originPath = (path: string) => `${path}.origin`

/** What is there of the file, where the server or a checksum can vouch for it. */
async function heldPart(url: string, path: string, checked: boolean): Promise<HeldPart | undefined> {
  const origin = await readOrigin(path)
  const bytes = (await stat(path).catch(() => undefined))?.size ?? 0
  if (origin?.url !== url || bytes === 0) return undefined
  const held = { ...origin, bytes }
  return isWhole(held) || checked || validatorOf(held) !== undefined ? held : undefined
}

async function readOrigin(path: string): Promise<Origin | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(originPath(path), 'utf8'))
    return matches(Origin, value) ? value : undefined
  } catch {
    return undefined
  }
}

/** Begin the file anew. */
async function writeOrigin(path: string, origin: Origin): Promise<void> {
  await discardDownload(path)
  await writeFile(path, '', { mode: 0o644 })
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
