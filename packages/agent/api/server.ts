import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { ApiError } from '@thresher/api/error'
import { ConnectionGuard, slowClientOptions } from '@thresher/apiserver/limits/connection-guard'
import { WebSocketServer, type WebSocket } from 'ws'
import type { Log } from '../compute/host.ts'
import type { Run } from '../compute/run.ts'
import { guestOperations } from './guest-operations.ts'
import { transferImage, type ImageStore } from './images.ts'
import { refuse, refuseUpgrade } from './refusal.ts'
import type { UsageRecorder } from '../usage/recorder.ts'
import { usageHistory } from './usage-history.ts'
import { openSocket, serveConsole, serveSocket } from './streams.ts'

/** The only one who may ask: the API server, by its client certificate's common name. */
const callerName = 'thresher-apiserver'
const subprotocol = 'plain.kubevirt.io'

export interface AgentServerOptions {
  port: number
  host?: string
  /** PEM: the cluster's CA, and this node's certificate. */
  tls: { ca: string | Buffer; cert: string | Buffer; key: string | Buffer }
  find(namespace: string, name: string): Run | undefined
  /** The address at which the host reaches a guest. */
  addressOf(run: Run): string | undefined
  /** The images of this node. */
  images: ImageStore
  /** What `GET /stats` tells. */
  stats(): Promise<unknown>
  /** What is answered below `/usage`. */
  usage: Pick<UsageRecorder, 'now' | 'history'>
  log: Log
}

/** What the agent offers to the API server: operations on running guests, consoles, and its own figures. */
export class AgentServer {
  readonly #options: AgentServerOptions
  readonly #server: Server
  readonly #sockets = new WebSocketServer({
    noServer: true,
    // A viewer that asks for no subprotocol gets none.
    handleProtocols: (offered) => (offered.has(subprotocol) ? subprotocol : false),
    maxPayload: 1024 * 1024,
    perMessageDeflate: false,
  })

  constructor(options: AgentServerOptions) {
    this.#options = options
    this.#server = createServer(
      {
        ...options.tls,
        requestCert: true,
        rejectUnauthorized: true,
        minVersion: 'TLSv1.2',
        // An image takes hours to send; who may send one is known by then.
        requestTimeout: 0,
        ...slowClientOptions(),
      },
      (request, response) => void this.#answer(request, response).catch((error: unknown) => refuse(response, error)),
    )
    new ConnectionGuard().guard(this.#server)
    this.#server.on('upgrade', (request, socket, head) => {
      // A viewer that goes while the guest's side is being opened must not end the agent.
      socket.on('error', () => socket.destroy())
      this.#upgrade(request, socket, head).catch((error: unknown) => refuseUpgrade(socket, error))
    })
  }

  /** @throws {Error} when the port is taken */
  listen(): Promise<number> {
    const { port, host } = this.#options
    return new Promise((resolve, reject) => {
      this.#server.once('error', (cause: NodeJS.ErrnoException) =>
        reject(
          cause.code === 'EADDRINUSE'
            ? new Error(`port ${port} is used by another program; free it, or choose another with --port`, { cause })
            : cause,
        ),
      )
      this.#server.listen(port, host, () => {
        const address = this.#server.address()
        resolve(typeof address === 'object' && address ? address.port : port)
      })
    })
  }

  /** Serve with a renewed certificate from now on; connections go on. */
  setCertificate(tls: AgentServerOptions['tls']): void {
    this.#server.setSecureContext({ ...tls, minVersion: 'TLSv1.2' })
  }

  close(): void {
    for (const viewer of this.#sockets.clients) viewer.close(1001, 'the agent is stopping')
    this.#sockets.close()
    this.#server.close()
    this.#server.closeAllConnections()
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    authorize(request)
    const { pathname, searchParams } = new URL(request.url ?? '/', 'https://agent')
    if (pathname.startsWith('/images/'))
      return transferImage(this.#options.images, { request, response, path: pathname, query: searchParams })
    const body = await readBody(request)
    if (pathname === '/healthz') return void response.end('ok')
    if (pathname === '/stats') return sendJson(response, await this.#options.stats())
    if (pathname === '/usage') return sendJson(response, this.#options.usage.now())
    if (pathname === '/usage/history') return sendJson(response, usageHistory(this.#options.usage, searchParams))
    const { run, path } = this.#target(pathname)
    const operation = guestOperations.find((one) => one.path === path && one.method === request.method)
    if (!operation) throw new ApiError('NotFound', `the agent has no operation ${request.method} ${path}`)
    const answer = await operation.run(run, body)
    if ('json' in answer) return sendJson(response, answer.json)
    if ('png' in answer) return void response.setHeader('content-type', 'image/png').end(answer.png)
    // A guest writes what it likes there.
    if ('text' in answer) return void response.setHeader('content-type', 'application/octet-stream').end(answer.text)
    response.end()
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    authorize(request)
    const { pathname } = new URL(request.url ?? '/', 'https://agent')
    const { run, path } = this.#target(pathname)
    const accept = (serve: (viewer: WebSocket) => void): void =>
      this.#sockets.handleUpgrade(request, socket, head, (viewer) => serve(viewer))
    const [kind, port, protocol = 'tcp'] = path.split('/')
    if (path === 'console') {
      if (!run.view().config?.features.serial)
        throw new ApiError('BadRequest', 'the virtual machine has no serial console')
      return accept((viewer) => serveConsole(viewer, run))
    }
    if (path === 'vnc') {
      if (!run.view().config?.features.graphics) throw new ApiError('BadRequest', 'the virtual machine has no display')
      const screen = await open({ path: run.control.socket('vnc') }, 'the display')
      return accept((viewer) => serveSocket(viewer, screen))
    }
    if (kind === 'portforward') {
      if (protocol !== 'tcp') throw new ApiError('BadRequest', `only tcp ports can be forwarded, not ${protocol}`)
      const guest = await this.#openPort(run, Number(port))
      return accept((viewer) => serveSocket(viewer, guest))
    }
    throw new ApiError('NotFound', `the agent has no stream ${path}`)
  }

  #openPort(run: Run, port: number): ReturnType<typeof openSocket> {
    const host = this.#options.addressOf(run)
    if (!host) throw new ApiError('BadRequest', 'the address of the virtual machine is not known')
    if (!Number.isInteger(port) || port < 1 || port > 65_535)
      throw new ApiError('BadRequest', 'the port must be 1 to 65535')
    return open({ host, port }, `port ${port} of the virtual machine`)
  }

  /** `/vmi/<namespace>/<name>/<path>` */
  #target(pathname: string): { run: Run; path: string } {
    const [, root, namespace = '', name = '', ...path] = pathname.split('/').map(decodeURIComponent)
    if (root !== 'vmi') throw new ApiError('NotFound', `the agent has nothing at ${pathname}`)
    const run = this.#options.find(namespace, name)
    if (!run) throw new ApiError('NotFound', `the virtual machine ${namespace}/${name} does not run on this node`)
    return { run, path: path.join('/') }
  }
}

/** TLS has checked who signed the certificate; here it counts whose it is. @throws {ApiError} Forbidden */
function authorize(request: IncomingMessage): void {
  const socket = request.socket as TLSSocket
  const name = socket.getPeerCertificate().subject?.CN
  if (!socket.authorized || name !== callerName)
    throw new ApiError('Forbidden', `only ${callerName} may ask the agent, not ${JSON.stringify(name ?? '')}`)
}

async function open(target: Parameters<typeof openSocket>[0], what: string): ReturnType<typeof openSocket> {
  try {
    return await openSocket(target)
  } catch (cause) {
    throw new ApiError('BadRequest', `${what} cannot be reached: ${(cause as Error).message}`, { cause })
  }
}

/** More than that no operation takes. */
const longestBody = 256 * 1024

/** The request's JSON; undefined without one. @throws {ApiError} BadRequest */
async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > longestBody) throw new ApiError('RequestEntityTooLarge', `the body has more than ${longestBody} bytes`)
    chunks.push(chunk)
  }
  if (length === 0) return undefined
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown
  } catch (cause) {
    throw new ApiError('BadRequest', 'the body is not JSON', { cause })
  }
}

function sendJson(response: ServerResponse, value: unknown): void {
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(value))
}
