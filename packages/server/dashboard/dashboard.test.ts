import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startSecureServer, type SecureServer } from '@thresher/apiserver/auth/testing'
import { dashboardRoutes } from './dashboard.ts'

let secure: SecureServer
let folder: string

beforeAll(async () => {
  const parts = {
    get users() {
      return secure.security.users
    },
    get tokens() {
      return secure.security.tokens
    },
    objects: () => secure.server.api.objects,
  }
  folder = mkdtempSync(join(tmpdir(), 'dashboard-assets-'))
  secure = await startSecureServer({ routes: dashboardRoutes(parts, join(folder, 'dist')) })
})
afterAll(async () => {
  await secure.close()
  rmSync(folder, { recursive: true })
})

/** A request as a browser on a page of `origin` would send it. */
function call(method: string, path: string, options: { body?: unknown; headers?: Record<string, string> } = {}) {
  return new Promise<{ status: number; headers: Record<string, unknown>; text: string }>((resolve, reject) => {
    const sent = request(
      {
        host: '127.0.0.1',
        port: secure.server.http.port,
        method,
        // As it is: a URL would be made clean first.
        path,
        ca: secure.server.pki.ca.cert,
        headers: {
          ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
          ...options.headers,
        },
      },
      (reply) => {
        const chunks: Buffer[] = []
        reply.on('data', (chunk: Buffer) => chunks.push(chunk))
        reply.on('end', () =>
          resolve({ status: reply.statusCode ?? 0, headers: reply.headers, text: Buffer.concat(chunks).toString() }),
        )
      },
    )
    sent.on('error', reject)
    sent.end(options.body === undefined ? undefined : JSON.stringify(options.body))
  })
}

const own = () => ({ origin: secure.server.url })
const evil = { origin: 'https://evil.example' }
const credentials = () => ({ username: 'admin', password: secure.password })

async function begin(): Promise<string> {
  const reply = await call('POST', '/session', { body: credentials(), headers: own() })
  return String((reply.headers['set-cookie'] as string[])[0]).split(';')[0]!
}

describe('a session in a browser', () => {
  test('is a cookie that only this host can set, no script reads and no other site sends', async () => {
    const reply = await call('POST', '/session', { body: credentials(), headers: own() })
    expect(reply.status).toBe(201)
    expect(JSON.parse(reply.text)).toMatchObject({ user: 'admin' })
    expect(reply.text).not.toContain('token-')
    expect(reply.headers['set-cookie']).toEqual([
      expect.stringMatching(/^__Host-thresher=token-[^;]+; Path=\/; Secure; HttpOnly; SameSite=Strict$/),
    ])
  })

  test('cannot be begun, used or ended by a page of another site', async () => {
    expect((await call('POST', '/session', { body: credentials(), headers: evil })).status).toBe(403)
    const cookie = await begin()
    expect((await call('DELETE', '/session', { headers: { cookie, ...evil } })).status).toBe(403)
    const body = { currentPassword: secure.password, newPassword: 'a password of the attacker' }
    expect((await call('POST', '/session/password', { body, headers: { cookie, ...evil } })).status).toBe(403)
    expect((await call('GET', '/session', { headers: { cookie, ...own() } })).status).toBe(200)
    const path = '/api/v1/namespaces/default/configmaps'
    const object = { body: { metadata: { name: 'x' } } }
    expect((await call('POST', path, { ...object, headers: { cookie, ...evil } })).status).toBe(401)
    expect((await call('POST', path, { ...object, headers: { cookie } })).status).toBe(401)
    expect((await call('POST', path, { ...object, headers: { cookie, ...own() } })).status).toBe(201)
  })

  test('ends at the server when it is ended', async () => {
    const cookie = await begin()
    const reply = await call('DELETE', '/session', { headers: { cookie, ...own() } })
    expect(String(reply.headers['set-cookie'])).toContain('Max-Age=0')
    expect((await call('GET', '/session', { headers: { cookie, ...own() } })).status).toBe(401)
  })

  test('is refused for anything but two texts', async () => {
    for (const body of [{}, [], 'x', null, { username: 'admin', password: 1 }])
      expect((await call('POST', '/session', { body, headers: own() })).status, JSON.stringify(body)).toBe(400)
  })

  test('changes the password with the old one, and stays itself while others end', async () => {
    const [mine, other] = [await begin(), await begin()]
    const headers = { cookie: mine, ...own() }
    const wrong = { currentPassword: 'wrong', newPassword: 'a new long password' }
    expect((await call('POST', '/session/password', { body: wrong, headers })).status).toBe(401)
    const right = { currentPassword: secure.password, newPassword: 'a new long password' }
    expect((await call('POST', '/session/password', { body: right, headers })).status).toBe(200)
    expect((await call('GET', '/session', { headers })).status).toBe(200)
    expect((await call('GET', '/session', { headers: { cookie: other, ...own() } })).status).toBe(401)
  })
})

describe('the dashboard’s files', () => {
  test('are said not to be there until they are built, and are there as soon as they are', async () => {
    const before = await call('GET', '/')
    expect(before.status).toBe(503)
    expect(before.text).toContain('./thresher up')
    mkdirSync(join(folder, 'dist/ui'), { recursive: true })
    writeFileSync(join(folder, 'dist/index.html'), '<!doctype html>')
    writeFileSync(join(folder, 'dist/ui/a-12345678.js'), 'plain')
    writeFileSync(join(folder, 'dist/ui/a-12345678.js.gz'), 'packed')
    writeFileSync(join(folder, 'secret'), 'secret')
    const page = await call('GET', '/')
    expect(page).toMatchObject({ status: 200, text: '<!doctype html>' })
    expect(page.headers['content-security-policy']).toMatch(/default-src 'none'.*frame-ancestors 'none'/)
    expect((await call('GET', '/ui/a-12345678.js')).text).toBe('plain')
    const packed = await call('GET', '/ui/a-12345678.js', { headers: { 'accept-encoding': 'gzip' } })
    expect(packed).toMatchObject({ text: 'packed', headers: { 'content-encoding': 'gzip' } })
  })

  test('are only those of the build, whatever the path says', async () => {
    for (const path of [
      '../../secret',
      '..%2f..%2fsecret',
      '%2e%2e/%2e%2e/secret',
      '',
      'b.js',
      '__proto__',
      'a-12345678.js/',
    ])
      expect((await call('GET', `/ui/${path}`)).status, path).toBe(404)
  })
})
