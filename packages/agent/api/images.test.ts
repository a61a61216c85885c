import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import https from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { Node } from '@thresher/api/core/node'
import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import { kinds } from '@thresher/api/kinds'
import { ApiServer } from '@thresher/apiserver/api-server'
import { Security } from '@thresher/apiserver/auth/security'
import { HttpServer } from '@thresher/apiserver/http-server'
import {
  ensurePki,
  issueAdminCertificate,
  issueAgentCertificates,
  issueClientCertificate,
} from '@thresher/apiserver/pki/ensure'
import { SqliteStore } from '@thresher/apiserver/store/sqlite'
import { Client } from '@thresher/client/client'
import { runControllers } from '@thresher/client/controller'
import type { HttpsTransportOptions } from '@thresher/client/node/https-transport'
import { readText, streamedRequest } from '@thresher/client/node/streamed-request'
import { controllersUser, startControllers } from '@thresher/controllers/controllers'
import { agentDialer } from '@thresher/server/subresources/agent-dialer'
import { imageSubresources, passUpload } from '@thresher/server/subresources/image-files'
import { facadeRoutes } from '@thresher/server/facade/routes'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { noOpenVolumes } from '../storage/open-volumes.ts'
import { openStorage } from '../storage/storage.ts'
import { AgentServer } from './server.ts'

const MiB = 1024 * 1024
const cleanup = new AsyncDisposableStack()
const stop = new AbortController()
let root: string
let client: Client
let admin: HttpsTransportOptions
let stranger: HttpsTransportOptions
let content: Buffer

/** The whole way: a client over HTTPS, the API server, the dialer, the agent's server, its storage. */
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'thresher-transfer-'))
  cleanup.defer(() => rmSync(root, { recursive: true, force: true }))
  const pki = await ensurePki(join(root, 'pki'), { names: [], addresses: ['127.0.0.1'] })
  const store = await SqliteStore.open(join(root, 'store.db'))
  cleanup.defer(() => store.close())
  const security = new Security({ pki, serverUrl: 'https://127.0.0.1:1', onError: () => {} })
  cleanup.defer(() => security.stop())
  const dialer = agentDialer({
    ca: pki.ca.cert,
    cert: pki.agentClient.cert,
    key: pki.agentClient.key,
    node: (name) => api.objects.get<Node>(Node, '', name),
  })
  cleanup.defer(() => dialer.close())
  const tools = () => ({ client, dialer })
  const api: ApiServer = new ApiServer({
    store,
    kinds: [...kinds, ...security.kinds.filter((kind) => !kinds.includes(kind))],
    authenticators: security.authenticators,
    authorizer: security.authorizer,
    admission: security.admission,
    subresources: [...security.subresources, ...imageSubresources(tools)],
    routes: [
      ...security.routes,
      ...facadeRoutes({
        server: () => api,
        authorizer: security.authorizer,
        users: security.users,
        tokens: security.tokens,
        ca: pki.ca.cert,
        uploadImage: (call) => passUpload(call, tools()),
      }),
    ],
    version: '0.0.0-test',
  })
  await api.start()
  cleanup.defer(() => api.close())
  await security.start(api.objects)
  client = new Client(api.transport(controllersUser))
  const http = await HttpServer.listen(api, { ...pki.server, ca: pki.ca.cert }, { port: 0, host: '127.0.0.1' })
  cleanup.defer(() => http.close())
  const server = `https://127.0.0.1:${http.port}`
  admin = { server, ca: pki.ca.cert, ...issueAdminCertificate(pki.ca) }
  stranger = { server, ca: pki.ca.cert, ...issueClientCertificate(pki.ca, { name: 'eve' }) }
  cleanup.defer(() => stop.abort())
  await startControllers({ transport: api.transport(controllersUser), signal: stop.signal })
  const storage = await openStorage({ root: join(root, 'agent'), node: 'here' })
  const none = () => undefined
  const agent = new AgentServer({
    port: 0,
    host: '127.0.0.1',
    tls: { ca: pki.ca.cert, ...issueAgentCertificates(pki.ca, { node: 'here', addresses: ['127.0.0.1'] }).serving },
    find: none,
    addressOf: none,
    images: storage.images,
    stats: () => Promise.resolve({}),
    usage: { now: () => ({ machines: [] }), history: none },
    log: none,
  })
  const port = await agent.listen()
  cleanup.defer(() => agent.close())
  const nodes = client.resource(Node)
  await nodes.create({ metadata: { name: 'here', labels: { 'kubernetes.io/hostname': 'here' } }, spec: {} })
  const status = {
    conditions: [{ type: 'Ready', status: 'True', reason: 'Up', lastHeartbeatTime: new Date().toISOString() }],
    addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
    daemonEndpoints: { kubeletEndpoint: { Port: port } },
  }
  await nodes.patch('here', undefined, { status }, 'merge', { subresource: 'status' })
  const user = { name: 'system:node:here', groups: ['system:nodes', 'system:authenticated'] }
  await runControllers(storage.controllers(noOpenVolumes), {
    transport: api.transport(user),
    signal: stop.signal,
    component: 'agent',
  })
  const raw = join(root, 'given.raw')
  execFileSync('qemu-img', ['create', '-q', '-f', 'raw', raw, '24M'])
  execFileSync('qemu-io', ['-f', 'raw', '-c', 'write -P 0x5a 1M 20M', raw])
  content = readFileSync(raw)
}, 60_000)

afterAll(() => cleanup.disposeAsync())

const path = (name: string, what: string) =>
  `/apis/harvesterhci.io/v1beta1/namespaces/default/virtualmachineimages/${name}/${what}`

async function make(name: string, more: Partial<VirtualMachineImage['spec']> = {}): Promise<void> {
  const spec = { displayName: name, sourceType: 'upload', ...more } as VirtualMachineImage['spec']
  await client.resource(VirtualMachineImage).create({ metadata: { name, namespace: 'default' }, spec })
  const chosen = (image: VirtualMachineImage) =>
    image.status?.conditions?.some(({ type }) => type === 'Initialized') === true
  if (spec.sourceType === 'upload') await until(name, chosen)
}

async function until(name: string, is: (image: VirtualMachineImage) => boolean): Promise<VirtualMachineImage> {
  const end = Date.now() + 60_000
  for (;;) {
    const image = await client.resource(VirtualMachineImage).get(name, 'default')
    if (is(image)) return image
    if (Date.now() > end) throw new Error(`not reached: ${JSON.stringify(image.status)}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const isReady = ({ status }: VirtualMachineImage) =>
  status?.conditions?.some((one) => one.type === 'Imported' && one.status === 'True') === true

async function send(name: string, bytes: Buffer, query: Record<string, string>, as = admin): Promise<unknown> {
  const body = Readable.from(pieces(bytes), { objectMode: false })
  const response = await streamedRequest(as, { method: 'PUT', path: path(name, 'upload'), query, body })
  return JSON.parse(await readText(response)) as unknown
}

function* pieces(bytes: Buffer) {
  for (let at = 0; at < bytes.length; at += 256 * 1024) yield bytes.subarray(at, at + 256 * 1024)
}

async function fetchFile(name: string, query: Record<string, string>, headers: Record<string, string> = {}) {
  const response = await streamedRequest(admin, { method: 'GET', path: path(name, 'download'), query, headers })
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return { status: response.statusCode, headers: response.headers, bytes: Buffer.concat(chunks) }
}

describe('the file of an image', () => {
  it('is sent in pieces through the server to the node, compared with its checksum, and imported', async () => {
    await make('sent', { checksum: createHash('sha256').update(content).digest('hex') })
    const size = String(content.length)
    const half = content.length / 2
    expect(await send('sent', content.subarray(0, half), { offset: '0', size })).toEqual({
      receivedBytes: half,
      totalBytes: content.length,
      complete: false,
    })
    const state = await streamedRequest(admin, { method: 'GET', path: path('sent', 'upload') })
    expect(JSON.parse(await readText(state))).toMatchObject({ receivedBytes: half, complete: false })
    expect(await send('sent', content.subarray(half), { offset: String(half), size })).toMatchObject({ complete: true })
    expect((await until('sent', isReady)).status).toMatchObject({ size: content.length, virtualSize: 24 * MiB })
  })

  it('is gone on with after the sender broke off', async () => {
    await make('broken')
    const body = new Readable({ read() {} })
    body.push(content.subarray(0, 3 * MiB))
    const stopped = new AbortController()
    const query = { offset: '0', size: String(content.length) }
    const request = { method: 'PUT' as const, path: path('broken', 'upload'), query, body, signal: stopped.signal }
    const sending = streamedRequest(admin, request)
    const folder = join(root, 'agent/images')
    const held = () =>
      readdirSync(folder, { recursive: true, withFileTypes: true }).filter(({ name }) => name === 'source')
    while (held().length === 0) await new Promise((resolve) => setTimeout(resolve, 10))
    await new Promise((resolve) => setTimeout(resolve, 200))
    stopped.abort(new Error('the train entered a tunnel'))
    await expect(sending).rejects.toThrow('tunnel')
    let offset = 0
    await expect
      .poll(async () => {
        const state = await streamedRequest(admin, { method: 'GET', path: path('broken', 'upload') })
        offset = (JSON.parse(await readText(state)) as { receivedBytes: number }).receivedBytes
        return offset
      })
      .toBeGreaterThan(0)
    const rest = { offset: String(offset), size: String(content.length) }
    await expect
      .poll(() => send('broken', content.subarray(offset), rest).catch(String))
      .toMatchObject({ complete: true })
    await until('broken', isReady)
  })

  it('is refused when bytes before it are missing, when too much comes, and for an image that is not uploaded', async () => {
    await make('strict')
    await expect(send('strict', content, { offset: '5', size: String(content.length) })).rejects.toThrow(
      /0 bytes are there/,
    )
    await expect(send('strict', content, { size: '1000000' })).rejects.toThrow(
      /1000000 bytes were announced, more came/,
    )
    await expect(send('strict', content, { size: '1e3' })).rejects.toThrow(/no number of bytes/)
    await expect(send('strict', content, { size: String(2 ** 52) })).rejects.toThrow(/disk is full/)
    await make('fetched', { sourceType: 'download', url: 'http://127.0.0.1:1/' })
    await expect(send('fetched', content, {})).rejects.toThrow(/is not uploaded/)
    await expect(send('none', content, {})).rejects.toMatchObject({ reason: 'NotFound' })
  })

  it('is for those who may', async () => {
    await expect(send('sent', content, {}, stranger)).rejects.toMatchObject({ reason: 'Forbidden' })
    const download = streamedRequest(stranger, { method: 'GET', path: path('sent', 'download') })
    await expect(download).rejects.toMatchObject({ reason: 'Forbidden' })
  })

  it('is given as qcow2 or raw, in full or from a byte on, for as long as it is the same', async () => {
    const raw = await fetchFile('sent', { format: 'raw' })
    expect(raw.bytes.equals(content)).toBe(true)
    expect(raw.headers['content-disposition']).toContain('sent.raw')
    const rest = await fetchFile('sent', { format: 'raw' }, { range: 'bytes=1000000-', 'if-range': raw.headers.etag! })
    expect(rest).toMatchObject({
      status: 206,
      headers: { 'content-range': `bytes 1000000-${content.length - 1}/${content.length}` },
    })
    expect(rest.bytes.equals(content.subarray(1_000_000))).toBe(true)
    expect((await fetchFile('sent', { format: 'raw' }, { range: 'bytes=9-', 'if-range': '"other"' })).status).toBe(200)
    const qcow2 = await fetchFile('sent', {})
    const file = join(root, 'back.qcow2')
    writeFileSync(file, qcow2.bytes)
    execFileSync('qemu-img', ['compare', '-q', '-f', 'raw', '-F', 'qcow2', join(root, 'given.raw'), file])
    expect(readdirSync(join(root, 'agent/images')).filter((name) => name.startsWith('.export'))).toEqual([])
  })

  it('is made raw once for all who read it at a time, and goes with the last of them', async () => {
    const folder = join(root, 'agent/images')
    const exported = () => readdirSync(folder).filter((name) => name.startsWith('.export'))
    let most = 0
    const watching = setInterval(() => (most = Math.max(most, exported().length)), 2)
    const early = new AbortController()
    const leaves = streamedRequest(admin, {
      method: 'GET',
      path: path('sent', 'download'),
      query: { format: 'raw' },
      signal: early.signal,
    }).catch(String)
    setTimeout(() => early.abort(new Error('changed my mind')), 5)
    const all = await Promise.all([1, 2, 3, 4].map(() => fetchFile('sent', { format: 'raw' })))
    await leaves
    clearInterval(watching)
    for (const { bytes } of all) expect(bytes.equals(content)).toBe(true)
    // A second one only where the first was being removed when somebody came.
    expect(most).toBeLessThanOrEqual(2)
    await expect.poll(exported).toEqual([])
  })

  it('is taken from a browser’s form', async () => {
    await make('form')
    const boundary = '----WebKitFormBoundary7MA4YWxkTrZu0gW'
    const form = Buffer.concat([
      Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="chunk"; filename="disk.img"\r\n\r\n`),
      content,
      Buffer.from(`\r\n--${boundary}--\r\n`),
    ])
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const request = https.request(
        `${admin.server}/v1/harvester/harvesterhci.io.virtualmachineimages/default/form?action=upload&size=${content.length}`,
        {
          method: 'POST',
          headers: { 'content-type': `multipart/form-data; boundary=${boundary}`, 'content-length': form.length },
          ca: admin.ca,
          cert: admin.cert,
          key: admin.key,
        },
        (response) => {
          response.resume()
          resolve(response.statusCode)
        },
      )
      request.on('error', reject).end(form)
    })
    expect(status).toBe(204)
    expect((await until('form', isReady)).status).toMatchObject({ size: content.length })
  })
})
