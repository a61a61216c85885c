import { get, request, type RequestOptions } from 'node:https'
import type { IncomingMessage } from 'node:http'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { ConfigMap } from '@thresher/api/core/config-map'
import { Namespace } from '@thresher/api/core/namespace'
import type { KubeList, KubeObject } from '@thresher/api/meta'
import { startTestServer, type TestServer } from './testing.ts'

const path = '/api/v1/namespaces/default/configmaps'
let server: TestServer
let options: RequestOptions

beforeAll(async () => {
  server = await startTestServer({ kinds: [Namespace, ConfigMap] })
  options = {
    host: '127.0.0.1',
    port: server.http.port,
    ca: server.pki.ca.cert,
    ...server.certificate({ name: 'admin', groups: ['system:masters'] }),
  }
  for (let index = 0; index < 300; index += 1) {
    const body = { metadata: { name: `c${index}` }, data: { text: 'ä'.repeat(1000) } }
    await server.transport().request({ method: 'POST', path, body })
  }
})
afterAll(() => server.close())

async function read(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** One exchange: what is sent, and status, headers and body of the answer. */
function send(more: RequestOptions, body?: string | Buffer) {
  return new Promise<{ status: number; headers: IncomingMessage['headers']; body: Buffer }>((resolve, reject) => {
    const sent = request({ ...options, ...more }, (response) => {
      read(response).then(
        (bytes) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: bytes }),
        reject,
      )
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

describe('over HTTPS', () => {
  test('a long list comes whole, also compressed and as YAML', async () => {
    const plain = await send({ path })
    const list = JSON.parse(plain.body.toString()) as KubeList<KubeObject>
    expect(list.items).toHaveLength(300)
    const packed = await send({ path, headers: { 'accept-encoding': 'gzip' } })
    expect(packed.headers['content-encoding']).toBe('gzip')
    expect(gunzipSync(packed.body).equals(plain.body)).toBe(true)
    const yaml = await send({ path: `${path}?limit=2`, headers: { accept: 'application/yaml' } })
    expect(yaml.headers['content-type']).toBe('application/yaml')
    expect((parse(yaml.body.toString()) as KubeList<KubeObject>).items).toHaveLength(2)
  })

  test('a watch is a proper chunked answer that ends, on a connection that goes on', async () => {
    const watch = await send({ path: `${path}?watch=true&timeoutSeconds=1` })
    const lines = watch.body.toString().trimEnd().split('\n')
    expect(lines).toHaveLength(300)
    expect(JSON.parse(lines[0]!)).toMatchObject({
      type: 'ADDED',
      object: { kind: 'ConfigMap', metadata: { name: 'c0' } },
    })
  })

  test('objects are taken as YAML and given back as JSON', async () => {
    const headers = { 'content-type': 'application/yaml' }
    const made = await send({ path, method: 'POST', headers }, 'metadata: {name: from-yaml}\ndata:\n  a: "1"\n')
    expect(made.status).toBe(201)
    expect(JSON.parse(made.body.toString())).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', data: { a: '1' } })
  })

  test('unknown fields are named in Warning headers', async () => {
    const body = JSON.stringify({ metadata: { name: 'warned' }, colour: 'blue' })
    const made = await send({ path, method: 'POST', headers: { 'content-type': 'application/json' } }, body)
    expect(made.headers.warning).toBe('299 - "unknown field \\"colour\\""')
  })

  test.each([
    ['no client certificate', { cert: undefined, key: undefined }, undefined, 401],
    [
      'a body above the limit',
      { method: 'POST', headers: { 'content-type': 'application/json' } },
      Buffer.alloc(3_200_000, 0x20),
      413,
    ],
    [
      'a body that is not UTF-8',
      { method: 'POST', headers: { 'content-type': 'application/json' } },
      Buffer.from([0x7b, 0xff, 0x7d]),
      400,
    ],
    [
      'JSON nested without end',
      { method: 'POST', headers: { 'content-type': 'application/json' } },
      '['.repeat(10_000),
      400,
    ],
    [
      'the prototype as a field',
      { method: 'POST', headers: { 'content-type': 'application/json' } },
      '{"metadata":{"name":"p","__proto__":{"x":1}}}',
      400,
    ],
    ['a media type nobody knows', { method: 'POST', headers: { 'content-type': 'text/x-unknown' } }, '{}', 415],
    [
      'a table in protobuf',
      { headers: { accept: 'application/vnd.kubernetes.protobuf;as=Table;g=meta.k8s.io;v=v1' } },
      undefined,
      406,
    ],
    ['a method nobody knows', { method: 'OPTIONS' }, undefined, 405],
    ['a broken escape in the path', { path: `${path}/%zz` }, undefined, 400],
  ])('%s is answered with a Status of the right code', async (_what, more, body, code) => {
    const answer = await send({ path, ...more }, body)
    expect(answer.status).toBe(code)
    expect(JSON.parse(answer.body.toString())).toMatchObject({ kind: 'Status', status: 'Failure', code })
  })

  test('health and version need no certificate, metrics do', async () => {
    const nobody = { cert: undefined, key: undefined }
    expect((await send({ ...nobody, path: '/livez' })).body.toString()).toBe('ok')
    expect((await send({ ...nobody, path: '/readyz?verbose' })).body.toString()).toContain('[+]store ok')
    expect(JSON.parse((await send({ ...nobody, path: '/version' })).body.toString())).toMatchObject({
      major: '1',
      minor: '34',
    })
    expect((await send({ ...nobody, path: '/metrics' })).status).toBe(401)
    expect((await send({ path: '/metrics' })).body.toString()).toMatch(
      /apiserver_storage_objects\{group="",resource="configmaps"\} 30\d/,
    )
  })

  test('a client that leaves in the middle of a list leaves nothing behind', async () => {
    for (let index = 0; index < 20; index += 1) {
      await new Promise<void>((resolve) => {
        get({ ...options, path, agent: false }, (response) => {
          response.once('data', () => response.destroy())
          response.once('close', () => resolve())
        })
      })
    }
    expect((await send({ path: `${path}?limit=1` })).status).toBe(200)
    expect(server.api.registry.cache(ConfigMap)!.watchers).toBe(0)
  })
})
