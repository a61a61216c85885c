import { connect } from 'node:net'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import { ConnectionGuard } from '@thresher/apiserver/limits/connection-guard'

/** What the door is made of. */
export interface SouthboundDoorOptions {
  port: number
  host?: string
  /** PEM: the cluster's authority, and this node's serving certificate. */
  tls: { ca: string | Buffer; cert: string | Buffer; key: string | Buffer }
  /** The database's own socket. */
  socket: string
  /** Whether the cluster has a node of this name. */
  isNode(name: string): boolean
  log: (level: 'info' | 'warn', message: string) => void
}

const prefix = 'system:node:'
const retryMs = 5000

/**
 * Lets the hosts of the cluster at OVN's southbound database, which listens on a socket of root's alone.
 *
 * ovsdb-server itself would let in whoever has any certificate of the cluster's authority, a user's as well. Here a certificate counts
 * only as that of a node which the cluster has: one that is deleted is out at once.
 */
export class SouthboundDoor {
  readonly #options: SouthboundDoorOptions
  readonly #server: Server
  readonly #passed = new Map<TLSSocket, string>()
  /** Who was turned away, so that each is logged once: a host that joins knocks before its node is there. */
  readonly #refused = new Set<string>()
  #retry: NodeJS.Timeout | undefined

  constructor(options: SouthboundDoorOptions) {
    this.#options = options
    this.#server = createServer(
      { ...options.tls, requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.2' },
      (socket) => this.#enter(socket),
    )
    new ConnectionGuard().guard(this.#server)
  }

  /** Listen, and go on trying where the port is taken: guests of this host need nothing of it. */
  listen(): void {
    const { port, host, log } = this.#options
    let isReported = false
    this.#server.on('listening', () => (isReported = false))
    this.#server.on('error', (error: NodeJS.ErrnoException) => {
      if (!isReported)
        log('warn', `other hosts cannot reach the network's database at port ${port}: ${error.code ?? error.message}`)
      isReported = true
      this.#retry = setTimeout(() => this.#server.listen(port, host), retryMs).unref()
    })
    this.#server.listen(port, host)
  }

  get port(): number {
    const address = this.#server.address()
    return typeof address === 'object' && address ? address.port : this.#options.port
  }

  setCertificate(tls: SouthboundDoorOptions['tls']): void {
    this.#server.setSecureContext({ ...tls, minVersion: 'TLSv1.2' })
  }

  /** Close the connections of nodes that the cluster has no more. */
  expel(): void {
    for (const [socket, node] of this.#passed) if (!this.#options.isNode(node)) socket.destroy()
  }

  close(): void {
    clearTimeout(this.#retry)
    this.#server.close()
    for (const socket of this.#passed.keys()) socket.destroy()
  }

  #refuse(socket: TLSSocket, name: string): void {
    if (!this.#refused.has(name) && this.#refused.size < mostRefused) {
      this.#refused.add(name)
      this.#options.log('warn', `${socket.remoteAddress} may not use the network's database as ${name}`)
    }
    socket.destroy()
  }

  #enter(socket: TLSSocket): void {
    socket.on('error', () => socket.destroy())
    const subject = socket.getPeerCertificate().subject as { CN?: string; O?: string } | undefined
    const node = nodeOf(subject)
    if (!socket.authorized || node === undefined || !this.#options.isNode(node)) {
      this.#refuse(socket, subject?.CN ?? 'nobody')
      return
    }
    this.#refused.delete(`system:node:${node}`)
    this.#passed.set(socket, node)
    socket.setKeepAlive(true, 15_000)
    const database = connect(this.#options.socket)
    database.on('error', () => socket.destroy())
    database.on('close', () => socket.destroy())
    socket.on('close', () => {
      this.#passed.delete(socket)
      database.destroy()
    })
    socket.pipe(database)
    database.pipe(socket)
  }
}

/** Names that are remembered; whoever has a certificate may choose but one. */
const mostRefused = 1000

function nodeOf(subject: { CN?: string; O?: string } | undefined): string | undefined {
  const { CN = '', O } = subject ?? {}
  return O === 'system:nodes' && CN.startsWith(prefix) ? CN.slice(prefix.length) : undefined
}
