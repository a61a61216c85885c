import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { download } from './download.ts'
import { goesOn, originOf, validatorOf, type HeldPart } from './resume.ts'
import { testEgress } from './testing.ts'

const url = 'https://example.org/image?sig=1'
const [old, date] = ['Wed, 01 Jan 2025 00:00:00 GMT', 'Wed, 01 Jan 2025 00:01:00 GMT']

describe('what vouches for a file', () => {
  it.each([
    ['a strong ETag', { etag: '"a"' }, '"a"'],
    ['no weak ETag', { etag: 'W/"a"' }, undefined],
    ['nothing that is no ETag', { etag: 'a"b' }, undefined],
    ['a Last-Modified that was a minute old', { 'last-modified': old, date }, old],
    ['no Last-Modified of the same minute', { 'last-modified': old, date: 'Wed, 01 Jan 2025 00:00:59 GMT' }, undefined],
    ['no Last-Modified without a date', { 'last-modified': old }, undefined],
    ['no Last-Modified in the future', { 'last-modified': date, date: old }, undefined],
    ['an old Last-Modified beside a weak ETag', { etag: 'W/"a"', 'last-modified': old, date }, old],
    ['nothing', {}, undefined],
  ])('is %s', (_, headers: IncomingHttpHeaders, validator) => {
    expect(validatorOf(originOf(url, { headers, from: url }))).toBe(validator)
  })
})

describe('an answer to a request for the rest', () => {
  const held = (more: Partial<HeldPart> = {}): HeldPart => ({
    url,
    from: 'https://example.org/image',
    bytes: 100,
    total: 300,
    etag: '"a"',
    ...more,
  })
  const answer = (headers: IncomingHttpHeaders = {}, more: { status?: number; from?: string } = {}) => ({
    status: 206,
    from: url,
    headers: { 'content-range': 'bytes 100-299/300', 'content-length': '200', etag: '"a"', ...headers },
    ...more,
  })

  it.each([
    ['goes on with the rest', answer(), held(), true],
    [
      'goes on with a part of the rest',
      answer({ 'content-range': 'bytes 100-199/300', 'content-length': '100' }),
      held(),
      true,
    ],
    ['may leave its length unsaid', answer({ 'content-length': undefined }), held(), true],
    ['may leave the total unsaid', answer({ 'content-range': 'bytes 100-299/*' }), held(), true],
    [
      'may come with another signature in its address',
      answer({}, { from: 'https://example.org/image?sig=2' }),
      held(),
      true,
    ],
    [
      'is vouched for by an old Last-Modified',
      answer({ etag: undefined, 'last-modified': old }),
      held({ etag: undefined, modified: old }),
      true,
    ],
    ['is a whole file', answer({}, { status: 200 }), held(), false],
    ['is a refusal', answer({}, { status: 416 }), held(), false],
    ['has another ETag', answer({ etag: '"b"' }), held(), false],
    ['has that ETag made weak', answer({ etag: 'W/"a"' }), held(), false],
    ['has no ETag any more', answer({ etag: undefined }), held(), false],
    ['has the same ETag and another Last-Modified', answer({ 'last-modified': date }), held({ modified: old }), false],
    [
      'has another Last-Modified',
      answer({ etag: undefined, 'last-modified': date }),
      held({ etag: undefined, modified: old }),
      false,
    ],
    ['has no Last-Modified any more', answer({ etag: undefined }), held({ etag: undefined, modified: old }), false],
    ['begins too early', answer({ 'content-range': 'bytes 99-299/300', 'content-length': '201' }), held(), false],
    ['begins too late', answer({ 'content-range': 'bytes 101-299/300', 'content-length': '199' }), held(), false],
    ['is of a longer file', answer({ 'content-range': 'bytes 100-300/301', 'content-length': '201' }), held(), false],
    ['is of a shorter file', answer({ 'content-range': 'bytes 100-198/199', 'content-length': '99' }), held(), false],
    ['ends behind the end', answer({ 'content-range': 'bytes 100-300/300', 'content-length': '201' }), held(), false],
    ['ends before it begins', answer({ 'content-range': 'bytes 100-99/300', 'content-length': '0' }), held(), false],
    ['has another length than its range', answer({ 'content-length': '150' }), held(), false],
    ['names no range', answer({ 'content-range': undefined }), held(), false],
    [
      'has several parts',
      answer({ 'content-range': undefined, 'content-type': 'multipart/byteranges; boundary=x' }),
      held(),
      false,
    ],
    ['counts in other units', answer({ 'content-range': 'items 100-299/300' }), held(), false],
    ['comes from another place', answer({}, { from: 'https://mirror.example/image' }), held(), false],
    ['is vouched for by nothing', answer({ etag: undefined }), held({ etag: undefined }), false],
  ])('that %s', (_, part, kept, verdict) => {
    expect(goesOn(part, kept, false)).toBe(verdict)
  })

  it('that nothing vouches for is taken where a checksum will', () => {
    expect(goesOn(answer({ etag: undefined }), held({ etag: undefined }), true)).toBe(true)
    expect(goesOn(answer({ etag: '"b"' }), held(), true)).toBe(false)
  })
})

describe('a resumed download', () => {
  const [first, second] = [Buffer.alloc(1_000_000, 'a'), Buffer.alloc(1_000_000, 'b')]
  let server: Server
  let folder: string
  let listener: RequestListener

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'thresher-resume-'))
    server = createServer((request, response) => listener(request, response))
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  })
  afterEach(() => {
    server.closeAllConnections()
    server.close()
    rmSync(folder, { recursive: true })
  })

  const fetchIt = () =>
    download({
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/image`,
      path: join(folder, 'file'),
      reserveBytes: 0,
      egress: testEgress,
    })

  /** Cuts the first answer, then has another file, of which it gives what is asked whatever the condition. */
  function swaps(validator: (version: 'a' | 'b') => Record<string, string>): RequestListener {
    let requests = 0
    return (request, response) => {
      const version = requests++ === 0 ? 'a' : 'b'
      if (version === 'a') {
        response.writeHead(200, { 'content-length': first.length, ...validator('a') })
        return void response.write(first.subarray(0, 400_000), () => setTimeout(() => response.destroy(), 50))
      }
      const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
      const range = `bytes ${start}-${second.length - 1}/${second.length}`
      response.writeHead(start > 0 ? 206 : 200, {
        'content-length': second.length - start,
        ...(start > 0 ? { 'content-range': range } : {}),
        ...validator('b'),
      })
      response.end(second.subarray(start))
    }
  }

  it.each([
    ['another ETag', (version: string) => ({ etag: `"${version}"` })],
    ['a weak ETag', () => ({ etag: 'W/"same"' })],
    [
      'no ETag where there was one',
      (version: string): Record<string, string> => (version === 'a' ? { etag: '"a"' } : {}),
    ],
    [
      'another Last-Modified',
      (version: string) => ({ date, 'last-modified': version === 'a' ? old : 'Wed, 01 Jan 2025 00:00:01 GMT' }),
    ],
    ['a Last-Modified of the same second', () => ({ date: old, 'last-modified': old })],
    ['nothing to tell by', () => ({})],
  ])('never joins two files: the rest comes with %s', async (_, validator) => {
    listener = swaps(validator)
    await expect(fetchIt()).rejects.toMatchObject({ reason: 'Cut' })
    expect(await fetchIt()).toEqual({ bytes: second.length })
    expect(readFileSync(join(folder, 'file')).equals(second)).toBe(true)
  })

  it('is not ended by a refusal of the range that a shorter file of the same length gives', async () => {
    let requests = 0
    listener = (request, response) => {
      if (requests++ === 0) {
        response.writeHead(200, { etag: '"a"' })
        return void response.write(first.subarray(0, 400_000), () => setTimeout(() => response.destroy(), 50))
      }
      if (request.headers.range) return void response.writeHead(416, { 'content-range': 'bytes */400000' }).end()
      response.writeHead(200, { 'content-length': 500_000 }).end(second.subarray(0, 500_000))
    }
    await expect(fetchIt()).rejects.toMatchObject({ reason: 'Cut' })
    expect(await fetchIt()).toEqual({ bytes: 500_000 })
  })

  it('that trickles is given up, whatever it does against a stall', async () => {
    listener = (_request, response) => {
      response.writeHead(200, { 'content-length': 1_000_000 })
      const timer = setInterval(() => response.write('x'), 20)
      response.on('close', () => clearInterval(timer))
    }
    const path = join(folder, 'file')
    const slow = download({
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/image`,
      path,
      reserveBytes: 0,
      egress: testEgress,
      limits: { stallMs: 200, paceMs: 300, bytesPerSecond: 1024 },
    })
    await expect(slow).rejects.toMatchObject({ reason: 'TooSlow', message: expect.stringContaining('KiB/s') })
  })
})
