import { existsSync } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { ApiError } from '@thresher/api/error'
import { textAnswer, type Answer, type ServerRequest } from '@thresher/apiserver/request'
import type { RouteHandler } from '@thresher/apiserver/subresource'

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
}

/** Nothing inline and nothing from elsewhere: no script, style, font or image but those that are served here. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const pageHeaders = {
  'content-security-policy': contentSecurityPolicy,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-cache',
}

const notBuilt = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Thresher</title>
<h1>The dashboard is not built yet</h1>
<p>The API works. To build the dashboard, run <code>./thresher up</code> on the host, then load this page again.</p></html>`

/**
 * The dashboard's files, made by its build step: the page at `/`, and what it loads below `/ui/`, whose names carry a hash of their content.
 *
 * They are read from disk for each request: browsers keep them for good, and the server's memory is for the API.
 *
 * @param folder what the build wrote; it may appear later
 */
export function assetRoutes(folder: string): RouteHandler[] {
  const names = new NamesOf(join(folder, 'ui'))
  return [
    {
      method: 'GET',
      path: '/',
      anonymous: true,
      handle: async () => {
        const page = join(folder, 'index.html')
        if (!existsSync(page))
          return { ...textAnswer(503, notBuilt, types['.html']), headers: { ...pageHeaders, 'retry-after': '5' } }
        return fileAnswer(page, false, pageHeaders)
      },
    },
    {
      method: 'GET',
      path: '/ui/',
      anonymous: true,
      handle: async (request) => {
        const name = request.path.slice('/ui/'.length)
        if (!(await names.has(name))) throw new ApiError('NotFound', 'there is no such file')
        const headers = {
          'cache-control': 'public, max-age=31536000, immutable',
          'x-content-type-options': 'nosniff',
          vary: 'accept-encoding',
        }
        return fileAnswer(join(folder, 'ui', name), takesGzip(request) && (await names.has(`${name}.gz`)), headers)
      },
    },
  ]
}

function takesGzip({ headers }: ServerRequest): boolean {
  return /\bgzip\b/.test(String(headers['accept-encoding'] ?? ''))
}

async function fileAnswer(path: string, packed: boolean, headers: Record<string, string>): Promise<Answer> {
  const bytes = await readFile(packed ? `${path}.gz` : path)
  return {
    status: 200,
    contentType: types[extname(path)] ?? 'application/octet-stream',
    headers: packed ? { ...headers, 'content-encoding': 'gzip' } : headers,
    value: () => bytes.toString('latin1'),
    chunks: () => [bytes],
    length: bytes.length,
  }
}

/** The files of a folder by name: what is asked for is looked up here and never made into a path otherwise. */
class NamesOf {
  readonly #folder: string
  #names = new Set<string>()
  #readAtMs = 0

  constructor(folder: string) {
    this.#folder = folder
  }

  async has(name: string): Promise<boolean> {
    const { mtimeMs } = await stat(this.#folder).catch(() => ({ mtimeMs: -1 }))
    if (mtimeMs !== this.#readAtMs) {
      this.#names = new Set(mtimeMs < 0 ? [] : await readdir(this.#folder))
      this.#readAtMs = mtimeMs
    }
    return this.#names.has(name)
  }
}
