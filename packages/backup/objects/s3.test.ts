import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { describeObjectStore } from './object-store-conformance.ts'
import { startLocalS3, type LocalS3 } from './s3-testing.ts'
import { S3Bucket } from './s3.ts'

let s3: LocalS3
let made = 0
beforeAll(async () => {
  s3 = await startLocalS3()
})
afterAll(() => s3[Symbol.asyncDispose]())

describeObjectStore('in a bucket', async () => ({
  store: s3.bucket(`test-${made++}`),
  [Symbol.asyncDispose]: async () => {},
}))

/** A server that answers as it is told. */
async function server(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<S3Bucket> {
  const http = createServer(answer)
  await new Promise<void>((done) => http.listen(0, '127.0.0.1', done))
  const { port } = http.address() as AddressInfo
  const bucket = new S3Bucket({ ...s3.settings, endpoint: `http://127.0.0.1:${port}` })
  onTestFinished(() => {
    bucket.close()
    http.close()
    http.closeAllConnections()
  })
  return bucket
}

describe('what a bucket refuses is said with the remedy', () => {
  test.each([
    ['a bucket that is not there', { bucket: 'other' }, 'Missing', 'there is no such bucket; create it'],
    ['an access key that is not known', { accessKeyId: 'NOBODY' }, 'Denied', 'it does not know the access key'],
    ['an endpoint that does not speak TLS', { tls: true }, 'Unreachable', 'it does not speak TLS'],
  ])('%s', async (_, change, reason, words) => {
    const { tls, ...settings } = { tls: false, ...change }
    const endpoint = tls ? s3.settings.endpoint!.replace('http:', 'https:') : s3.settings.endpoint
    const bucket = new S3Bucket({ ...s3.settings, endpoint, ...settings }, '', AbortSignal.timeout(20_000))
    onTestFinished(() => bucket.close())
    await expect(bucket.put('a', Buffer.from('x'))).rejects.toMatchObject({
      reason,
      message: expect.stringContaining(words),
    })
  })

  test.each([
    [403, 'SignatureDoesNotMatch', 'Denied', 'the secret key is not that of the access key'],
    [403, 'RequestTimeTooSkewed', 'Denied', 'clock'],
    [403, 'AccessDenied', 'Denied', 'give it read, write, list and delete'],
    [403, '', 'Denied', 'give it read, write, list and delete'],
    [301, 'PermanentRedirect', 'Missing', 'correct the endpoint or the region'],
    [507, '', 'Full', 'it has no room'],
    [418, '', 'Failed', 'check that the endpoint is one of S3'],
  ])('status %s with the code %j', async (status, code, reason, words) => {
    const bucket = await server((_, response) => response.writeHead(status).end(`<Error><Code>${code}</Code></Error>`))
    await expect(bucket.put('a', Buffer.from('x'))).rejects.toMatchObject({
      reason,
      message: expect.stringContaining(words),
    })
  })

  test('a page of another program', async () => {
    const bucket = await server((_, response) => response.end('<html><body>Welcome</body></html>'))
    await expect(bucket.list('')[Symbol.asyncIterator]().next()).rejects.toThrow('check that the endpoint is one of S3')
  })
})

test('a listing of several pages is read to its end, and a key that looks like a number stays text', async () => {
  const page = (key: string, next?: string): string =>
    `<?xml version="1.0"?><ListBucketResult><IsTruncated>${next !== undefined}</IsTruncated>${
      next ? `<NextContinuationToken>${next}</NextContinuationToken>` : ''
    }<Contents><Key>${key}</Key><Size>3</Size></Contents></ListBucketResult>`
  const bucket = await server((request, response) => {
    const token = new URL(request.url!, 'http://x').searchParams.get('continuation-token')
    response.end(token === 'a+b/c=' ? page('0002') : page('00010e3', 'a+b/c='))
  })
  const keys: string[] = []
  for await (const { key } of bucket.list('')) keys.push(key)
  expect(keys).toEqual(['00010e3', '0002'])
})

test('errors that pass, and connections that break, are sat out', async () => {
  let asked = 0
  const bucket = await server((request, response) => {
    if (++asked === 1) response.writeHead(503).end('SlowDown')
    else if (asked === 2) request.socket.destroy()
    else response.end('x')
  })
  expect(String(await bucket.get('a'))).toBe('x')
  expect(asked).toBe(3)
})

test('a stopped bucket asks no more', async () => {
  const stop = new AbortController()
  const bucket = new S3Bucket({ ...s3.settings, endpoint: 'http://127.0.0.1:9' }, '', stop.signal)
  const asked = bucket.get('a')
  stop.abort(new Error('cancelled'))
  await expect(asked).rejects.toThrow(/cancelled|aborted/)
})
