import { request, type RequestOptions } from 'node:https'
import { connect } from 'node:tls'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ConfigMap } from '@thresher/api/core/config-map'
import { Namespace } from '@thresher/api/core/namespace'
import { readBody } from '../handler/body.ts'
import { valueAnswer } from '../request.ts'
import type { RouteHandler, SubresourceHandler } from '../subresource.ts'
import { startTestServer, type TestServer } from '../testing.ts'

const path = '/api/v1/namespaces/default/configmaps'
const MiB = 1024 * 1024
let server: TestServer
let options: RequestOptions

/** Counts the bytes it is given, and stops early where the query says so. */
const upload: RouteHandler = {
  method: 'POST',
  path: '/upload/',
  streams: () => true,
  async handle({ stream, query }) {
    const most = Number(query.get('most') ?? Infinity)
    let bytes = 0
    for await (const chunk of stream ?? []) {
      bytes += (chunk as Buffer).length
      if (bytes > most) break
    }
    return valueAnswer(200, { bytes })
  },
}

/** What anybody may call. */
const login: RouteHandler = {
  method: 'POST',
  path: '/login',
  anonymous: true,
  handle: async (request) => valueAnswer(200, readBody(request)),
}

const feed: SubresourceHandler = {
  group: '',
  version: 'v1',
  plural: 'configmaps',
  subresource: 'feed',
  namespaced: true,
  methods: ['PUT'],
  streams: true,
  async handle({ stream, body }) {
    let bytes = 0
    for await (const chunk of stream ?? []) bytes += (chunk as Buffer).length
    return { status: 200, body: { bytes, parsed: body !== undefined } }
  },
}

beforeAll(async () => {
  server = await startTestServer({ kinds: [Namespace, ConfigMap], routes: [upload, login], subresources: [feed] })
  options = {
    host: '127.0.0.1',
    port: server.http.port,
    ca: server.pki.ca.cert,
    ...server.certificate({ name: 'admin', groups: ['system:masters'] }),
  }
})
afterAll(() => server.close())

interface Answered {
  status: number
  body: string
  continued: boolean
}

function send(more: RequestOptions, body: Readable): Promise<Answered> {
  return new Promise((resolve, reject) => {
    let continued = false
    let answered = false
    const sent = request({ ...options, agent: false, ...more }, (response) => {
      answered = true
      let text = ''
      response.on('data', (chunk: Buffer) => (text += chunk.toString()))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text, continued }))
      response.on('error', reject)
    })
    sent.on('error', (error) => answered || reject(error))
    if (sent.getHeader('expect')) {
      sent.on('continue', () => {
        continued = true
        body.pipe(sent)
      })
      sent.flushHeaders()
    } else body.pipe(sent)
  })
}

function* zeros(bytes: number): Generator<Buffer> {
  for (let left = bytes; left > 0; left -= MiB) yield Buffer.alloc(Math.min(left, MiB), 0x20)
}
const body = (bytes: number) => Readable.from(zeros(bytes))

test('a body far above the limit is refused with an answer that arrives, every time, with and without its length', async () => {
  for (let round = 0; round < 12; round += 1) {
    const bytes = (4 + round) * MiB
    const headers = round % 2 ? { 'content-length': bytes } : {}
    const answer = await send({ method: 'POST', path, headers }, body(bytes))
    expect(answer.status).toBe(413)
    expect(JSON.parse(answer.body)).toMatchObject({ reason: 'RequestEntityTooLarge' })
  }
})

test('a client that sends all before it reads has the refusal too', async () => {
  const { cert, key, ca } = options
  for (let round = 0; round < 5; round += 1) {
    const text = await new Promise<string>((resolve, reject) => {
      let got = ''
      const socket = connect({ host: '127.0.0.1', port: server.http.port, cert, key, ca }, () => {
        const bytes = 8 * MiB
        socket.pause()
        socket.write(
          `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${bytes}\r\n\r\n`,
        )
        socket.write(Buffer.alloc(bytes, 0x20), () => socket.resume())
      })
      socket.on('data', (chunk) => (got += chunk.toString()))
      socket.on('end', () => resolve(got))
      socket.on('error', reject)
    })
    expect(text).toMatch(/^HTTP\/1\.1 413 /)
    expect(text).toContain('"reason":"RequestEntityTooLarge"')
  }
})

test('a client that asks first is never asked for a body that is refused', async () => {
  const headers = { expect: '100-continue', 'content-length': 9 * MiB }
  expect(await send({ method: 'POST', path, headers }, body(9 * MiB))).toMatchObject({ status: 413, continued: false })
  const nobody = { cert: undefined, key: undefined }
  const small = { expect: '100-continue', 'content-length': 10 }
  expect(await send({ method: 'POST', path, ...nobody, headers: small }, body(10))).toMatchObject({
    status: 401,
    continued: false,
  })
  const accepted = await send({ method: 'POST', path, headers: small }, body(10))
  expect(accepted.continued).toBe(true)
})

test('a handler that streams takes bodies of any size, in a route and in a subresource', async () => {
  const bytes = 40 * MiB
  const route = await send({ method: 'POST', path: '/upload/x' }, body(bytes))
  expect(JSON.parse(route.body)).toEqual({ bytes })
  const sub = await send({ method: 'PUT', path: `${path}/a/feed` }, body(bytes))
  expect(JSON.parse(sub.body)).toEqual({ bytes, parsed: false })
})

test('a handler that stops reading early has its answer delivered', async () => {
  const answer = await send({ method: 'POST', path: '/upload/x?most=1000' }, body(10 * MiB))
  expect(answer.status).toBe(200)
  expect((JSON.parse(answer.body) as { bytes: number }).bytes).toBeGreaterThan(1000)
})

test('who is not known sends no stream, and only a small body', async () => {
  const nobody = { cert: undefined, key: undefined }
  expect((await send({ ...nobody, method: 'POST', path: '/upload/x' }, body(MiB))).status).toBe(401)
  const json = { 'content-type': 'application/json' }
  const login = { ...nobody, method: 'POST', path: '/login' }
  expect((await send({ ...login, headers: json }, body(9000))).status).toBe(413)
  expect((await send({ ...login, headers: { 'content-type': 'application/yaml' } }, body(10))).status).toBe(415)
  expect((await send({ ...login, headers: { 'content-type': 'text/plain' } }, body(10))).status).toBe(415)
  expect((await send({ ...login, headers: json }, Readable.from(['{}']))).status).toBe(200)
})

test('a client that breaks off in the middle of a body leaves nothing behind', async () => {
  const { cert, key, ca } = options
  await new Promise<void>((resolve) => {
    const socket = connect({ host: '127.0.0.1', port: server.http.port, cert, key, ca }, () => {
      socket.write(`POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{`, () => socket.destroy())
    })
    socket.on('close', () => resolve())
  })
  expect((await send({ method: 'POST', path: '/upload/x' }, body(10))).status).toBe(200)
})
