import { createReadStream, statSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { basename } from 'node:path'
import { UserError } from '../user-error.ts'

/** A file offered to this host's agent over loopback HTTP, with ranges, until it is disposed of. */
export interface ServedFile extends AsyncDisposable {
  url: string
  sizeBytes: number
}

/** Offer one file on a free loopback port. @throws {UserError} when it cannot be read */
export async function serveFile(path: string): Promise<ServedFile> {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (!stat?.isFile()) throw new UserError(`${path} is not a file.`)
  const name = `/${encodeURIComponent(basename(path))}`
  const etag = `"${stat.size}-${stat.mtimeMs}"`
  const server = createServer((request, response) => {
    if (request.url !== name) return void response.writeHead(404).end()
    const match = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')
    const start = match ? Number(match[1]) : 0
    if (start > stat.size) return void response.writeHead(416, { 'content-range': `bytes */${stat.size}` }).end()
    const partial = match ? { 'content-range': `bytes ${start}-${stat.size - 1}/${stat.size}` } : {}
    response.writeHead(match ? 206 : 200, {
      etag,
      'accept-ranges': 'bytes',
      'content-length': stat.size - start,
      ...partial,
    })
    if (request.method === 'HEAD') return void response.end()
    createReadStream(path, { start })
      .on('error', () => response.destroy())
      .pipe(response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${name}`,
    sizeBytes: stat.size,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}
