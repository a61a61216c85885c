import https from 'node:https'
import type { IncomingMessage } from 'node:http'
import { finished, type Duplex, type Readable } from 'node:stream'
import type { Node } from '@thresher/api/core/node'
import { ApiError } from '@thresher/api/error'
import type { SubresourceAnswer } from '@thresher/apiserver/subresource'

/** Reaches the agents of nodes. */
export interface AgentDialer {
  /** Ask a node's agent; an answer of any status is given. @throws {ApiError} ServiceUnavailable when it cannot be reached */
  request(node: string, method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<SubresourceAnswer>
  /**
   * Ask a node's agent with a body of any size, or for one; an answer of any status is given, its body unread. Whoever gets it reads
   * or destroys it. @throws {ApiError} ServiceUnavailable when the agent cannot be reached or breaks off
   */
  stream(node: string, request: StreamedRequest): Promise<IncomingMessage>
  /**
   * Join a client's connection with the agent's WebSocket under `path`, until one of them ends. An agent's refusal is passed on.
   *
   * @throws {ApiError} ServiceUnavailable when the agent cannot be reached; the socket is untouched then
   */
  upgrade(node: string, path: string, raw: IncomingMessage, socket: Duplex, head: Buffer): Promise<void>
  close(): void
}

/** One whose certificate ends before the server does. */
export interface RenewableDialer extends AgentDialer {
  /** Show the agents a renewed certificate from now on; connections go on. PEM. */
  setCertificate(renewed: { cert: string; key: string }): void
}

/** A request whose body, if any, is passed on as it comes. */
export interface StreamedRequest {
  method: string
  path: string
  headers?: Record<string, string>
  body?: Readable
  signal: AbortSignal
}

export interface AgentDialerOptions {
  /** The cluster's CA, and the certificate `thresher-apiserver` by which agents know us; PEM. */
  ca: string | Buffer
  cert: string | Buffer
  key: string | Buffer
  /** A node's object, for its address and port. */
  node(name: string): Node | undefined
  /** How long an agent may take for an answer, 30 000 ms unless said. */
  timeoutMs?: number
}

/** Between two pieces of a body, or of its sending and the answer: the file is brought to disk then. */
const streamIdleMs = 120_000

/** Headers of a WebSocket handshake that pass through. */
const handshake = ['sec-websocket-key', 'sec-websocket-version', 'sec-websocket-protocol', 'sec-websocket-extensions']

/** Reach agents over HTTPS with certificates on both sides. The agent must show a certificate with its node's name. */
export function agentDialer(options: AgentDialerOptions): RenewableDialer {
  const { ca, timeoutMs = 30_000 } = options
  let { cert, key } = options
  const agent = new https.Agent({ keepAlive: true })

  /** Where it is and how both sides prove who they are: connections of different certificates are kept apart by that. */
  function target(name: string): https.RequestOptions {
    const node = options.node(name)
    const addresses = node?.status?.addresses ?? []
    const host = (addresses.find(({ type }) => type === 'InternalIP') ?? addresses[0])?.address
    if (!host) throw unreachable(name, node ? 'its node has no address' : 'there is no such node')
    return {
      host,
      port: node?.status?.daemonEndpoints?.kubeletEndpoint?.Port ?? 10250,
      servername: name,
      ca,
      cert,
      key,
      minVersion: 'TLSv1.2',
    }
  }

  return {
    async request(node, method, path, body, signal) {
      const sent = body === undefined ? undefined : Buffer.from(JSON.stringify(body))
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        const headers = sent ? { 'content-type': 'application/json', 'content-length': sent.length } : {}
        const request = https.request({ ...target(node), agent, method, path, headers, ...(signal ? { signal } : {}) })
        request.setTimeout(timeoutMs, () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)))
        request.on('response', resolve)
        request.on('error', (error) => reject(signal?.aborted ? signal.reason : unreachable(node, error)))
        request.end(sent)
      })
      return { status: response.statusCode ?? 502, ...(await readAnswer(response, node)) }
    },

    stream(node, { method, path, headers = {}, body, signal }) {
      return new Promise((resolve, reject) => {
        const request = https.request({ ...target(node), agent, method, path, headers, signal })
        request.setTimeout(streamIdleMs, () => request.destroy(new Error(`nothing came for ${streamIdleMs} ms`)))
        request.on('error', (error) =>
          reject(signal.aborted ? new ApiError('BadRequest', 'the connection was closed') : unreachable(node, error)),
        )
        request.on('response', (response) => {
          // Refused in the middle: the rest is left to whoever answers the sender.
          if ((response.statusCode ?? 0) >= 400) body?.unpipe(request)
          response.once('close', () => request.destroy())
          resolve(response)
        })
        if (!body) return void request.end()
        // A sender that breaks off must not look like one that came to its end.
        finished(body, (error) => error && request.destroy(error))
        body.pipe(request)
      })
    },

    upgrade(node, path, raw, socket, head) {
      return new Promise((resolve, reject) => {
        const headers: Record<string, string | string[]> = { connection: 'Upgrade', upgrade: 'websocket' }
        for (const name of handshake) if (raw.headers[name] !== undefined) headers[name] = raw.headers[name]
        const request = https.request({
          ...target(node),
          agent: false,
          path,
          headers,
        })
        request.setTimeout(timeoutMs, () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)))
        socket.on('close', () => request.destroy())
        request.on('error', (error) => (socket.destroyed ? resolve() : reject(unreachable(node, error))))
        request.on('response', (response) => {
          writeHead(socket, response)
          response.pipe(socket)
          resolve()
        })
        request.on('upgrade', (response, upstream, upstreamHead) => {
          request.setTimeout(0)
          upstream.setTimeout(0)
          writeHead(socket, response)
          join(socket, head, upstream, upstreamHead)
          resolve()
        })
        request.end()
      })
    },

    setCertificate(renewed) {
      ;({ cert, key } = renewed)
    },

    close: () => agent.destroy(),
  }
}

/** An agent's answer, read to its end. @throws {ApiError} */
export async function readAnswer(response: IncomingMessage, node: string): Promise<Omit<SubresourceAnswer, 'status'>> {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of response) chunks.push(chunk as Buffer)
  } catch (error) {
    throw unreachable(node, error)
  }
  const bytes = Buffer.concat(chunks)
  const contentType = response.headers['content-type']
  if (!contentType?.includes('json')) return { body: bytes, contentType }
  try {
    return { body: bytes.length > 0 ? (JSON.parse(bytes.toString('utf8')) as unknown) : '' }
  } catch (cause) {
    throw new ApiError('InternalError', `the agent of ${node} sent what is not JSON`, { cause })
  }
}

function writeHead(socket: Duplex, response: IncomingMessage): void {
  const lines = [`HTTP/1.1 ${response.statusCode} ${response.statusMessage}`]
  for (let i = 0; i < response.rawHeaders.length; i += 2)
    lines.push(`${response.rawHeaders[i]}: ${response.rawHeaders[i + 1]}`)
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
}

function join(socket: Duplex, head: Buffer, upstream: Duplex, upstreamHead: Buffer): void {
  if (upstreamHead.length > 0) socket.write(upstreamHead)
  if (head.length > 0) upstream.write(head)
  socket.on('error', () => upstream.destroy())
  upstream.on('error', () => socket.destroy())
  socket.on('close', () => upstream.destroy())
  upstream.on('close', () => socket.destroy())
  socket.pipe(upstream)
  upstream.pipe(socket)
}

function unreachable(node: string, cause: unknown): ApiError {
  const why = typeof cause === 'string' ? cause : ((cause as NodeJS.ErrnoException).code ?? (cause as Error).message)
  return new ApiError('ServiceUnavailable', `the agent of node ${node} cannot be reached: ${why}`, { cause })
}
