import { connect as connectSocket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Duplex } from 'node:stream'
import { OvsdbError } from './ovsdb-error.ts'

/** Where a database listens, in Open vSwitch's notation: `unix:/path`, `tcp:10.0.0.1:6641`, `ssl:[fd00::1]:6641`. */
export type Endpoint = `unix:${string}` | `tcp:${string}` | `ssl:${string}`

/** PEM texts for `ssl:` endpoints. The server's certificate must be signed by `ca`. */
export interface TlsFiles {
  ca: string
  cert: string
  key: string
}

/** An endpoint taken apart. @throws {OvsdbError} `Protocol` when it is not of the form above */
function parseEndpoint(text: string): { path: string } | { host: string; port: number; tls: boolean } {
  if (text.startsWith('unix:') && text.length > 5) return { path: text.slice(5) }
  const match = /^(tcp|ssl):(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text)
  const host = match?.[2] ?? match?.[3]
  if (!match || !host) throw new OvsdbError('Protocol', `${text} is not an endpoint like unix:/path or tcp:host:port`)
  return { host, port: Number(match[4]), tls: match[1] === 'ssl' }
}

/** Connect to an endpoint. @throws {OvsdbError} `Disconnected` when nothing listens there; the signal's reason */
export function connect(endpoint: Endpoint, tls?: TlsFiles, signal?: AbortSignal): Promise<Duplex> {
  const target = parseEndpoint(endpoint)
  if ('tls' in target && target.tls && !tls)
    throw new OvsdbError('Protocol', `${endpoint} needs a CA, a certificate and a key`)
  signal?.throwIfAborted()
  return new Promise((done, fail) => {
    const secure = 'tls' in target && target.tls
    const socket = secure
      ? // The CA is the cluster's own, so whoever it signed is a peer under whatever name (ovsdb-server(1), --ssl-ca-cert).
        connectTls({ host: target.host, port: target.port, ...tls, checkServerIdentity: () => undefined })
      : connectSocket('path' in target ? { path: target.path } : { host: target.host, port: target.port })
    const giveUp = () => socket.destroy(signal?.reason as Error)
    const failed = (error: Error) => {
      signal?.removeEventListener('abort', giveUp)
      fail(
        signal?.aborted
          ? (signal.reason as Error)
          : new OvsdbError('Disconnected', `cannot connect to ${endpoint}: ${error.message}`, { cause: error }),
      )
    }
    signal?.addEventListener('abort', giveUp, { once: true })
    socket.once('error', failed)
    socket.once(secure ? 'secureConnect' : 'connect', () => {
      signal?.removeEventListener('abort', giveUp)
      socket.off('error', failed)
      done(socket)
    })
  })
}
