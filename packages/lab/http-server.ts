import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** How an answer goes wrong. Without any of these it is right. */
export interface Misbehaviour {
  /** Answer with this code and no content. */
  status?: number
  /** Send the client elsewhere. */
  redirectTo?: string
  /** Take the request and say nothing. */
  hang?: boolean
  /** Send so many bytes, then nothing more, the connection open. */
  stallAfterBytes?: number
  /** Send so many bytes, then cut the connection. */
  cutAfterBytes?: number
  /** Announce this length, whatever is sent. */
  claimedLength?: number
  /** Send at about this pace. */
  bytesPerSecond?: number
  /** Ignore the Range header. */
  withoutRanges?: boolean
  /** Neither ETag nor length: chunked, as generated content is. */
  anonymous?: boolean
}

/** A request as it arrived. */
export interface SeenRequest {
  method: string
  path: string
  range?: string
  ifRange?: string
}

interface Page {
  content: Buffer
  etag: string
  /** One per request, the last for all after it. */
  script: Misbehaviour[]
}

const pieceBytes = 64 * 1024

/** A small web server on the loopback, for tests of clients that must cope with bad ones. */
export class HttpServer implements AsyncDisposable {
  readonly #server: Server
  readonly #pages = new Map<string, Page>()
  readonly #stop = new AbortController()
  /** What was asked, in order. */
  readonly requests: SeenRequest[] = []

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch(() => response.destroy())
    })
  }

  /** Listen on a free port. */
  static async start(): Promise<HttpServer> {
    const server = new HttpServer()
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve))
    return server
  }

  /** Where a page is. */
  url(path: string): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${path}`
  }

  /**
   * Put content under a path. Each request takes the next of `script`; the last holds for all that follow.
   *
   * @param path with a leading slash
   */
  serve(path: string, content: Buffer, ...script: Misbehaviour[]): string {
    const etag = `"${createHash('sha1').update(content).digest('hex')}"`
    this.#pages.set(path, { content, etag, script })
    return this.url(path)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/' } = request
    this.requests.push({ method, path: url, range: request.headers.range, ifRange: header(request, 'if-range') })
    const page = this.#pages.get(url)
    if (!page) return void response.writeHead(404).end()
    const how = (page.script.length > 1 ? page.script.shift() : page.script[0]) ?? {}
    if (how.hang) return
    if (how.redirectTo) return void response.writeHead(302, { location: how.redirectTo }).end()
    if (how.status) return void response.writeHead(how.status).end()
    const start = how.withoutRanges ? 0 : rangeStart(request, page)
    if (start > 0 && start >= page.content.length)
      return void response.writeHead(416, { 'content-range': `bytes */${page.content.length}` }).end()
    const body = page.content.subarray(start)
    const length = how.claimedLength ?? body.length
    response.writeHead(start > 0 ? 206 : 200, {
      ...(how.anonymous ? {} : { 'content-length': length, etag: page.etag, 'accept-ranges': 'bytes' }),
      ...(start > 0 ? { 'content-range': `bytes ${start}-${page.content.length - 1}/${page.content.length}` } : {}),
    })
    if (method === 'HEAD') return void response.end()
    await this.#send(response, body, how)
  }

  async #send(response: ServerResponse, body: Buffer, how: Misbehaviour): Promise<void> {
    const limit = Math.min(how.stallAfterBytes ?? Infinity, how.cutAfterBytes ?? Infinity)
    for (let at = 0; at < Math.min(body.length, limit); at += pieceBytes) {
      const piece = body.subarray(at, Math.min(at + pieceBytes, limit))
      if (!response.write(piece)) await drained(response)
      if (response.destroyed) return
      if (how.bytesPerSecond)
        await sleep((piece.length / how.bytesPerSecond) * 1000, undefined, { signal: this.#stop.signal })
    }
    if (how.stallAfterBytes !== undefined) return
    // Ends the connection after what is written, though more was announced.
    if (how.cutAfterBytes !== undefined || how.claimedLength !== undefined) return void response.socket?.end()
    response.end()
  }
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done).off('close', done)
      resolve()
    }
    response.on('drain', done).on('close', done)
  })
}

/** Where a request wants to go on from; 0 when the content has changed since. */
function rangeStart(request: IncomingMessage, page: Page): number {
  const condition = header(request, 'if-range')
  if (condition !== undefined && condition !== page.etag) return 0
  return Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name]
  return Array.isArray(value) ? value[0] : value
}
