import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HttpServer } from '@thresher/lab/http-server'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { download, type DownloadRequest } from './download.ts'
import { testEgress } from './testing.ts'

const content = randomBytes(1024 * 1024)
const digest = createHash('sha512').update(content).digest('hex')

let folder: string
let server: HttpServer
let path: string

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'thresher-download-'))
  path = join(folder, 'file')
  server = await HttpServer.start()
})

afterEach(async () => {
  await server[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

const fetchFrom = (url: string, more: Partial<DownloadRequest> = {}) =>
  download({
    url,
    path,
    hash: 'sha512',
    reserveBytes: 0,
    egress: testEgress,
    limits: { answerMs: 300, stallMs: 300 },
    ...more,
  })

describe('a download', () => {
  it('gives the file, its length and its digest, and tells how far it is', async () => {
    const seen: [number, number | undefined][] = []
    const url = server.serve('/a', content)
    const done = await fetchFrom(url, { onProgress: (received, total) => seen.push([received, total]) })
    expect(done).toEqual({ bytes: content.length, digest })
    expect(readFileSync(path).equals(content)).toBe(true)
    expect(seen.at(-1)).toEqual([content.length, content.length])
  })

  it('goes on where the connection was cut', async () => {
    const url = server.serve('/a', content, { cutAfterBytes: 400_000 }, {})
    await expect(fetchFrom(url)).rejects.toMatchObject({ reason: 'Cut', message: expect.stringContaining('1048576') })
    const kept = statSync(path).size
    expect(kept).toBeGreaterThan(200_000)
    expect(await fetchFrom(url)).toEqual({ bytes: content.length, digest })
    expect(server.requests[1]).toMatchObject({ range: `bytes=${kept}-` })
  })

  it('that was complete already is not fetched again', async () => {
    const url = server.serve('/a', content)
    await fetchFrom(url)
    const seen: number[] = []
    const again = await fetchFrom(url, { onProgress: (received) => seen.push(received) })
    expect(again).toEqual({ bytes: content.length, digest })
    expect(seen).toEqual([])
  })

  it('does not take a shorter file for a complete one', async () => {
    const url = server.serve('/a', content, { claimedLength: content.length + 5000 })
    for (let tries = 0; tries < 3; tries++) await expect(fetchFrom(url)).rejects.toMatchObject({ reason: 'Cut' })
  })

  it('begins anew when the content changed meanwhile', async () => {
    const url = server.serve('/a', randomBytes(1024 * 1024), { cutAfterBytes: 400_000 })
    await expect(fetchFrom(url)).rejects.toMatchObject({ reason: 'Cut' })
    server.serve('/a', content)
    expect(await fetchFrom(url)).toEqual({ bytes: content.length, digest })
  })

  it('begins anew when the server knows no ranges', async () => {
    const url = server.serve('/a', content, { cutAfterBytes: 400_000 }, { withoutRanges: true })
    await expect(fetchFrom(url)).rejects.toMatchObject({ reason: 'Cut' })
    expect(await fetchFrom(url)).toEqual({ bytes: content.length, digest })
  })

  it('begins anew when what is there belongs to another address', async () => {
    await expect(fetchFrom(server.serve('/a', randomBytes(1024 * 1024), { cutAfterBytes: 400_000 }))).rejects.toThrow()
    expect(await fetchFrom(server.serve('/b', content))).toEqual({ bytes: content.length, digest })
    expect(server.requests[1]!.range).toBeUndefined()
  })

  it('accepts content of unknown length', async () => {
    expect(await fetchFrom(server.serve('/a', content, { anonymous: true }))).toEqual({ bytes: content.length, digest })
  })

  it('follows redirects, but not in a circle', async () => {
    const url = server.serve('/a', content)
    expect(await fetchFrom(server.serve('/moved', Buffer.alloc(0), { redirectTo: url }))).toMatchObject({ digest })
    const circle = server.serve('/circle', Buffer.alloc(0), { redirectTo: server.url('/circle') })
    await expect(fetchFrom(circle)).rejects.toMatchObject({ reason: 'HttpStatus' })
  })

  it('fails with the status when the page is missing', async () => {
    const missing = fetchFrom(server.url('/none'))
    await expect(missing).rejects.toMatchObject({ reason: 'HttpStatus', message: expect.stringContaining('404') })
  })

  it('fails when the server says nothing, or stops in the middle', async () => {
    await expect(fetchFrom(server.serve('/a', content, { hang: true }))).rejects.toMatchObject({ reason: 'Stalled' })
    const stalls = fetchFrom(server.serve('/b', content, { stallAfterBytes: 100_000 }))
    await expect(stalls).rejects.toMatchObject({ reason: 'Stalled' })
  })

  it('fails when the server announced more than it sends', async () => {
    const url = server.serve('/a', content, { claimedLength: content.length + 5000 })
    await expect(fetchFrom(url)).rejects.toMatchObject({
      reason: 'Cut',
      message: expect.stringContaining(`announced ${content.length + 5000} bytes`),
    })
  })

  it('fails when nobody listens, and names the reason', async () => {
    const url = server.url('/a')
    await server[Symbol.asyncDispose]()
    const refused = fetchFrom(url)
    await expect(refused).rejects.toMatchObject({
      reason: 'Unreachable',
      message: expect.stringContaining('nothing listens there'),
    })
    server = await HttpServer.start()
  })

  it('does not begin when the disk has no room for what is announced', async () => {
    const url = server.serve('/a', content, { claimedLength: 2 ** 49 })
    await expect(fetchFrom(url)).rejects.toMatchObject({ reason: 'NoSpace' })
  })

  it('ends with the reason of the signal', async () => {
    const url = server.serve('/a', content, { bytesPerSecond: 100_000 })
    const stop = new AbortController()
    const running = fetchFrom(url, { signal: stop.signal, onProgress: () => stop.abort(new Error('deleted')) })
    await expect(running).rejects.toThrow('deleted')
    expect(existsSync(path)).toBe(true)
  })

  it.each(['ftp://host/file', 'file:///etc/shadow', '/etc/shadow', ''])('refuses %j', async (url) => {
    await expect(fetchFrom(url)).rejects.toMatchObject({ reason: 'BadUrl' })
  })

  it('refuses to be redirected to a file of the host', async () => {
    const url = server.serve('/moved', Buffer.alloc(0), { redirectTo: 'file:///etc/shadow' })
    await expect(fetchFrom(url)).rejects.toMatchObject({ reason: 'BadUrl' })
  })
})
