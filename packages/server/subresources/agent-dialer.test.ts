import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { TLSSocket } from 'node:tls'
import type { Node } from '@thresher/api/core/node'
import { ensurePki, issueAgentCertificates, issueClientCertificate, type Pki } from '@thresher/apiserver/pki/ensure'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { agentDialer, type RenewableDialer } from './agent-dialer.ts'
import { refuse } from './streams.ts'
import { ApiError } from '@thresher/api/error'

let directory: string
let pki: Pki
let agent: https.Server
let dialer: RenewableDialer
let front: http.Server

beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'dialer-'))
  pki = await ensurePki(directory, { names: [], addresses: [] })
  const { serving } = issueAgentCertificates(pki.ca, { node: 'node-1', addresses: ['127.0.0.1'] })
  agent = https.createServer({ ...serving, ca: pki.ca.cert, requestCert: true, rejectUnauthorized: true })
  agent.on('request', (request, response) => {
    const { subject } = (request.socket as TLSSocket).getPeerCertificate()
    response.setHeader('content-type', 'application/json')
    response.statusCode = request.url === '/busy' ? 409 : 200
    response.end(JSON.stringify({ caller: subject.CN, method: request.method, url: request.url }))
  })
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => 'plain.kubevirt.io' })
  agent.on('upgrade', (request, socket, head) =>
    sockets.handleUpgrade(request, socket, head, (client) => client.on('message', (data) => client.send(data))),
  )
  agent.listen(0, '127.0.0.1')
  await once(agent, 'listening')
  const node = (port: number): Node =>
    ({
      status: {
        addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
        daemonEndpoints: { kubeletEndpoint: { Port: port } },
      },
    }) as Node
  const { port } = agent.address() as AddressInfo
  dialer = agentDialer({
    ca: pki.ca.cert,
    cert: pki.agentClient.cert,
    key: pki.agentClient.key,
    node: (name) => (name === 'gone' ? undefined : name === 'down' ? node(1) : node(port)),
    timeoutMs: 2000,
  })
  front = http.createServer()
  front.on('upgrade', (request, socket, head) => {
    dialer
      .upgrade(request.url?.slice(1) ?? '', '/vmi/default/web/console', request, socket, head)
      .catch((error: ApiError) => refuse(socket, error))
  })
  front.listen(0, '127.0.0.1')
  await once(front, 'listening')
})

afterAll(() => {
  dialer.close()
  for (const server of [agent, front]) {
    server.closeAllConnections()
    server.close()
  }
  rmSync(directory, { recursive: true })
})

test('an agent sees the certificate of the API server, and its answer comes with its status', async () => {
  expect(await dialer.request('node-1', 'PUT', '/vmi/default/web/pause', {})).toMatchObject({
    status: 200,
    body: { caller: 'thresher-apiserver', method: 'PUT', url: '/vmi/default/web/pause' },
  })
  expect((await dialer.request('node-1', 'GET', '/busy')).status).toBe(409)
})

test('an agent that shows the certificate of another node is not believed', async () => {
  await expect(dialer.request('node-2', 'GET', '/')).rejects.toMatchObject({ reason: 'ServiceUnavailable' })
})

test('an agent that is down and a node that is gone are told apart', async () => {
  await expect(dialer.request('down', 'GET', '/')).rejects.toThrow(
    'the agent of node down cannot be reached: ECONNREFUSED',
  )
  await expect(dialer.request('gone', 'GET', '/')).rejects.toThrow('there is no such node')
})

test('a WebSocket passes through in both directions, with its subprotocol', async () => {
  const { port } = front.address() as AddressInfo
  const socket = new WebSocket(`ws://127.0.0.1:${port}/node-1`, 'plain.kubevirt.io')
  await once(socket, 'open')
  expect(socket.protocol).toBe('plain.kubevirt.io')
  const sent = Buffer.alloc(200_000, 7)
  socket.send(sent)
  const [received] = (await once(socket, 'message')) as [Buffer]
  expect(received.equals(sent)).toBe(true)
  socket.close()
  await once(socket, 'close')
})

test('a WebSocket to an agent that is down gets a Status that clients can print', async () => {
  const { port } = front.address() as AddressInfo
  const socket = new WebSocket(`ws://127.0.0.1:${port}/down`)
  socket.on('error', () => {})
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, http.IncomingMessage]
  let body = ''
  for await (const chunk of response) body += String(chunk)
  expect(response.statusCode).toBe(503)
  expect(JSON.parse(body)).toMatchObject({ kind: 'Status', reason: 'ServiceUnavailable' })
})

test('shows a renewed certificate from the next request on', async () => {
  const caller = async () => (await dialer.request('node-1', 'GET', '/healthz')).body
  expect(await caller()).toMatchObject({ caller: 'thresher-apiserver' })
  dialer.setCertificate(issueClientCertificate(pki.ca, { name: 'renewed' }))
  expect(await caller()).toMatchObject({ caller: 'renewed' })
  dialer.setCertificate(pki.agentClient)
})
