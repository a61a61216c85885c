import { ApiError, isReason } from '@thresher/api/error'
import type { Transport } from '@thresher/client/transport'

/** How far a file is on its way into an image. */
export interface Upload {
  fileName: string
  bytes: number
  sentBytes: number
  state: 'sending' | 'waiting' | 'done' | 'failed'
  error?: unknown
}

/** What the server says of an upload. */
interface UploadState {
  receivedBytes: number
  complete: boolean
}

const firstWaitMs = 500
const longestWaitMs = 15_000
/** Tries without a single byte more. */
const mostTries = 10

/** Where to go on: behind what has arrived, or from the start when that is another file's. */
export function offsetOf({ receivedBytes }: Pick<UploadState, 'receivedBytes'>, bytes: number): number {
  return receivedBytes < bytes ? receivedBytes : 0
}

/** The path of an image's upload. @param key `namespace/name` */
function pathOf(key: string): string {
  const [namespace = '', name = ''] = key.split('/').map(encodeURIComponent)
  return `/apis/harvesterhci.io/v1beta1/namespaces/${namespace}/virtualmachineimages/${name}/upload`
}

/**
 * Files on their way into images, by `namespace/name` of the image. They go on while the user is on other pages, and after the network was
 * cut from where they were: the server says what has arrived.
 */
export class Uploads {
  readonly #transport: Transport
  readonly #base: string
  readonly #listeners = new Set<() => void>()
  readonly #stops = new Map<string, AbortController>()
  #uploads: ReadonlyMap<string, Upload> = new Map()

  /** @param base what stands before every path */
  constructor(transport: Transport, base: string) {
    this.#transport = transport
    this.#base = base
  }

  readonly snapshot = (): ReadonlyMap<string, Upload> => this.#uploads

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Send a file. What has arrived of it earlier is not sent again. */
  async start(key: string, file: File): Promise<void> {
    this.#stops.get(key)?.abort()
    const stop = new AbortController()
    this.#stops.set(key, stop)
    this.#set(key, { fileName: file.name, bytes: file.size, sentBytes: 0, state: 'sending' })
    addEventListener('beforeunload', warn)
    try {
      await this.#send(key, file, stop.signal)
      this.#change(key, { state: 'done', sentBytes: file.size })
    } catch (error) {
      if (!stop.signal.aborted) this.#change(key, { state: 'failed', error })
    } finally {
      if (this.#stops.get(key) === stop) this.#stops.delete(key)
      if (this.#stops.size === 0) removeEventListener('beforeunload', warn)
    }
  }

  async #send(key: string, file: File, signal: AbortSignal): Promise<void> {
    let last = -1
    for (let failures = 0; ;) {
      try {
        const state = await this.#transport.request<UploadState>({ method: 'GET', path: pathOf(key), signal })
        if (state.complete && state.receivedBytes === file.size) return
        const offset = offsetOf(state, file.size)
        if (offset > last) failures = 0
        last = offset
        this.#change(key, { state: 'sending', sentBytes: offset })
        const answer = await this.#put(key, file, offset, signal)
        if (answer.complete) return
      } catch (error) {
        const mayPass = isReason(error, 'ServiceUnavailable', 'Timeout', 'TooManyRequests', 'Unauthorized')
        if (signal.aborted || !mayPass || ++failures >= mostTries) throw error
        this.#change(key, { state: 'waiting' })
        await new Promise((resolve) => setTimeout(resolve, Math.min(firstWaitMs * 2 ** failures, longestWaitMs)))
      }
    }
  }

  /** By XMLHttpRequest, since fetch does not say how much of a body has gone. */
  #put(key: string, file: File, offset: number, signal: AbortSignal): Promise<UploadState> {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest()
      request.open('PUT', `${this.#base}${pathOf(key)}?offset=${offset}&size=${file.size}`)
      request.setRequestHeader('content-type', 'application/octet-stream')
      request.upload.addEventListener('progress', ({ loaded }) => this.#change(key, { sentBytes: offset + loaded }))
      request.addEventListener('error', () => reject(new ApiError('ServiceUnavailable', 'the connection was lost')))
      request.addEventListener('abort', () => reject(signal.reason as Error))
      request.addEventListener('load', () => {
        const body = parse(request.responseText)
        if (request.status < 400) resolve(body as unknown as UploadState)
        else reject(ApiError.fromStatus(body, request.status))
      })
      signal.addEventListener('abort', () => request.abort(), { once: true })
      request.send(file.slice(offset))
    })
  }

  #change(key: string, change: Partial<Upload>): void {
    const upload = this.#uploads.get(key)
    if (upload) this.#set(key, { ...upload, ...change })
  }

  #set(key: string, upload: Upload): void {
    this.#uploads = new Map([...this.#uploads, [key, upload]])
    for (const listener of this.#listeners) listener()
  }
}

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    return {}
  }
}

/** The browser asks before it closes a page from which something is still sent. */
function warn(event: BeforeUnloadEvent): void {
  event.preventDefault()
}
