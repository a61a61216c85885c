import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { ApiError } from '@thresher/api/error'
import { httpsTransport } from './https-transport.ts'

let server: http.Server | undefined
afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

async function serve(handler: http.RequestListener): Promise<string> {
  server = http.createServer(handler)
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('a request carries its body, query and token, and the answer comes parsed', async () => {
  const seen: unknown[] = []
  const url = await serve((request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += chunk))
    request.on('end', () => {
      seen.push(request.method, request.url, request.headers.authorization, request.headers['content-type'], body)
      response.setHeader('content-type', 'application/json').end('{"kind":"Thing"}')
    })
  })
  const transport = httpsTransport({ server: `${url}/prefix`, token: 'secret' })
  const answer = await transport.request({
    method: 'PATCH',
    path: '/api/v1/things/a',
    query: { fieldManager: 'me', dryRun: undefined },
    body: { spec: { a: 'ü' } },
    contentType: 'application/merge-patch+json',
  })
  expect(answer).toEqual({ kind: 'Thing' })
  expect(seen).toEqual([
    'PATCH',
    '/prefix/api/v1/things/a?fieldManager=me',
    'Bearer secret',
    'application/merge-patch+json',
    '{"spec":{"a":"ü"}}',
  ])
  await transport.close()
})

test('a Status becomes an ApiError with its reason and details', async () => {
  const url = await serve((_, response) => {
    response.statusCode = 409
    response.end(JSON.stringify({ kind: 'Status', reason: 'AlreadyExists', message: 'it is there', code: 409 }))
  })
  const error = await httpsTransport({ server: url })
    .request({ method: 'GET', path: '/x' })
    .catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(ApiError)
  expect(error).toMatchObject({ reason: 'AlreadyExists', code: 409, message: 'it is there' })
})

test('a watch gives events however the bytes are cut, and ends with the server', async () => {
  const lines = [
    { type: 'ADDED', object: { metadata: { name: 'ü' } } },
    { type: 'BOOKMARK', object: { metadata: { resourceVersion: '7' } } },
  ]
  const bytes = Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  const url = await serve((request, response) => {
    expect(request.url).toContain('watch=true')
    for (const byte of bytes) response.write(Buffer.from([byte]))
    response.end()
  })
  const events: unknown[] = []
  for await (const event of httpsTransport({ server: url }).watch({ method: 'GET', path: '/x' })) events.push(event)
  expect(events).toEqual(lines)
})

test('an ERROR event is thrown with its code', async () => {
  const url = await serve((_, response) => {
    response.end(`${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', reason: 'Expired', code: 410 } })}\n`)
  })
  const events = httpsTransport({ server: url }).watch({ method: 'GET', path: '/x' })
  await expect(events[Symbol.asyncIterator]().next()).rejects.toMatchObject({ reason: 'Expired', code: 410 })
})

test('aborting a watch throws the reason of the signal', async () => {
  const url = await serve((_, response) => response.write('\n'))
  const stop = new AbortController()
  const events = httpsTransport({ server: url }).watch({ method: 'GET', path: '/x', signal: stop.signal })
  const next = events[Symbol.asyncIterator]().next()
  setTimeout(() => stop.abort(new Error('enough')), 30)
  await expect(next).rejects.toThrow('enough')
})

test('a server that is not there, and one that does not answer, are named', async () => {
  await expect(httpsTransport({ server: 'http://127.0.0.1:1' }).request({ method: 'GET', path: '/x' })).rejects.toThrow(
    'cannot reach the API server at http://127.0.0.1:1: ECONNREFUSED',
  )
  const url = await serve(() => {})
  await expect(httpsTransport({ server: url, timeoutMs: 50 }).request({ method: 'GET', path: '/x' })).rejects.toThrow(
    'within 50 ms',
  )
})
