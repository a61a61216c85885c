import { once } from 'node:events'
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { ConfigMap } from '@thresher/api/core/config-map'
import { Namespace } from '@thresher/api/core/namespace'
import { HttpServer } from '../http-server.ts'
import { startTestServer, type TestServer } from '../testing.ts'
import type { ConnectionLimits } from './connection-guard.ts'

const sockets: Socket[] = []
const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  for (const close of closing.splice(0).toReversed()) await close()
})

async function start(limits: Partial<ConnectionLimits>): Promise<{ server: TestServer; http: HttpServer }> {
  const server = await startTestServer({ kinds: [Namespace, ConfigMap] })
  const tls = { ...server.pki.server, ca: server.pki.ca.cert }
  const http = await HttpServer.listen(server.api, tls, { port: 0, host: '127.0.0.1', limits })
  closing.push(
    () => server.close(),
    () => http.close(),
  )
  return { server, http }
}

/** A TCP connection that never says anything. */
function silent(port: number): Socket {
  const socket = connectTcp({ host: '127.0.0.1', port })
  socket.on('error', () => undefined)
  sockets.push(socket)
  return socket
}

const closed = (socket: Socket) => (socket.closed ? Promise.resolve() : once(socket, 'close'))

async function untilOpen(http: HttpServer, open: number): Promise<void> {
  for (let tries = 0; http.connections.open > open && tries < 400; tries++) await delay(5)
  expect(http.connections.open).toBe(open)
}

async function ask(server: TestServer, port: number): Promise<string> {
  const socket = connectTls({ host: '127.0.0.1', port, ca: server.pki.ca.cert })
  sockets.push(socket)
  let text = ''
  socket.on('data', (chunk) => (text += chunk.toString()))
  socket.on('error', () => undefined)
  socket.write('GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')
  await closed(socket)
  return text
}

test('a connection that never begins TLS is closed in time, and one that stops in the middle of it', async () => {
  const { http } = await start({ handshakeMs: 100 })
  const mute = silent(http.port)
  const stuck = silent(http.port)
  // The first bytes of a ClientHello of 512 bytes, and no more.
  stuck.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]))
  await Promise.all([closed(mute), closed(stuck)])
  expect(http.connections.refused.handshake).toBe(2)
  await untilOpen(http, 0)
})

test('whoever opens thousands of silent connections shuts nobody out', async () => {
  const { server, http } = await start({ shaking: 20, shakingPerAddress: 1000 })
  for (let index = 0; index < 200; index++) silent(http.port)
  expect(await ask(server, http.port)).toMatch(/^HTTP\/1\.1 200/)
  expect(http.connections.open).toBeLessThanOrEqual(20)
})

test('one address has so many connections and no more, and those it has go on', async () => {
  const { server, http } = await start({ perAddress: 3 })
  const { ca } = server.pki
  const open = [1, 2, 3].map(() => connectTls({ host: '127.0.0.1', port: http.port, ca: ca.cert }))
  sockets.push(...open)
  await Promise.all(open.map((socket) => once(socket, 'secureConnect')))
  await closed(silent(http.port))
  expect(http.connections.refused.perAddress).toBe(1)
  open[0]!.write('GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')
  open[0]!.resume()
  await closed(open[0]!)
  await untilOpen(http, 2)
  expect(await ask(server, http.port)).toMatch(/^HTTP\/1\.1 200/)
})

test('headers that trickle in are cut off', async () => {
  const { server, http } = await start({ headersMs: 200 })
  const socket = connectTls({ host: '127.0.0.1', port: http.port, ca: server.pki.ca.cert })
  sockets.push(socket)
  socket.on('error', () => undefined)
  socket.resume()
  socket.write('GET /livez HTTP/1.1\r\n')
  const timer = setInterval(() => socket.write('x: y\r\n'), 20)
  await closed(socket)
  clearInterval(timer)
})
