import type { Socket } from 'node:net'
import type { Server, TLSSocket } from 'node:tls'
import { network } from '../auth/local/guess-limiter.ts'

/** How many connections there may be, and how long they may take to become one that says who it is. */
export interface ConnectionLimits {
  /** Connections at once, and of these from one address. A client without HTTP/2 needs one for each watch. */
  total: number
  perAddress: number
  /** Connections that have not finished their TLS handshake. Beyond it the oldest of them goes. */
  shaking: number
  shakingPerAddress: number
  /** Milliseconds for the handshake, and then for the headers of each request. */
  handshakeMs: number
  headersMs: number
}

const defaults: ConnectionLimits = {
  total: 10_000,
  perAddress: 2000,
  shaking: 1024,
  shakingPerAddress: 128,
  handshakeMs: 10_000,
  headersMs: 20_000,
}

/** What Node's server has to be made with, so that slow headers are noticed soon. */
export function slowClientOptions({ headersMs = defaults.headersMs }: Partial<ConnectionLimits> = {}) {
  return { headersTimeout: headersMs, connectionsCheckingInterval: Math.min(5000, headersMs) }
}

/** How many connections were turned away, by why. */
export type RefusedConnections = Record<'total' | 'perAddress' | 'shaking' | 'handshake', number>

/**
 * Stands at the door of a server that speaks TLS: counts connections from the first packet on, before TLS costs anything, and closes those
 * that never finish the handshake.
 */
export class ConnectionGuard {
  readonly #limits: ConnectionLimits
  readonly #byAddress = new Map<string, number>()
  readonly #shakingByAddress = new Map<string, number>()
  /** By {@link ends}, the oldest first. */
  readonly #shaking = new Map<string, { socket: Socket; timer: NodeJS.Timeout }>()
  #open = 0
  readonly refused: RefusedConnections = { total: 0, perAddress: 0, shaking: 0, handshake: 0 }

  constructor(limits: Partial<ConnectionLimits> = {}) {
    this.#limits = { ...defaults, ...limits }
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#open
  }

  /** Watch over this server's connections; before it listens. */
  guard(server: Server): void {
    // Before the server's own listener, which begins with TLS.
    server.prependListener('connection', (socket: Socket) => this.#enter(socket))
    server.on('secureConnection', (socket: TLSSocket) => this.#shaken(ends(socket)))
    // Node takes a connection down whose handshake fails, but only when somebody listens for it in time.
    server.on('tlsClientError', (_error: Error, socket: TLSSocket) => socket.destroy())
  }

  #enter(socket: Socket): void {
    const address = network(socket.remoteAddress ?? '')
    const { total, perAddress, shaking, shakingPerAddress } = this.#limits
    if (this.#open >= total) return this.#refuse(socket, 'total')
    if ((this.#byAddress.get(address) ?? 0) >= perAddress) return this.#refuse(socket, 'perAddress')
    if ((this.#shakingByAddress.get(address) ?? 0) >= shakingPerAddress) return this.#refuse(socket, 'shaking')
    const [oldest] = this.#shaking.values()
    if (oldest && this.#shaking.size >= shaking) this.#refuse(oldest.socket, 'shaking')
    this.#admit(socket, address)
  }

  #admit(socket: Socket, address: string): void {
    const key = ends(socket)
    this.#open += 1
    count(this.#byAddress, address, 1)
    count(this.#shakingByAddress, address, 1)
    const timer = setTimeout(() => this.#refuse(socket, 'handshake'), this.#limits.handshakeMs).unref()
    this.#shaking.set(key, { socket, timer })
    socket.once('close', () => {
      this.#open -= 1
      count(this.#byAddress, address, -1)
      this.#shaken(key)
    })
  }

  #shaken(key: string): void {
    const found = this.#shaking.get(key)
    if (!found) return
    clearTimeout(found.timer)
    this.#shaking.delete(key)
    count(this.#shakingByAddress, network(addressIn(key)), -1)
  }

  #refuse(socket: Socket, why: keyof RefusedConnections): void {
    this.refused[why] += 1
    socket.on('error', () => undefined)
    socket.destroy()
  }
}

/** Both ends of a connection: the same for the TCP socket and the TLS socket upon it. */
function ends({ remoteAddress = '', remotePort = 0, localAddress = '', localPort = 0 }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`
}

const addressIn = (key: string): string => key.slice(0, key.indexOf(' '))

function count(counts: Map<string, number>, key: string, by: number): void {
  const next = (counts.get(key) ?? 0) + by
  if (next > 0) counts.set(key, next)
  else counts.delete(key)
}
