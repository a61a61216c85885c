import { beforeEach, describe, expect, test } from 'vitest'
import type { Token } from '@thresher/api/auth/token'
import type { User as LocalUser } from '@thresher/api/auth/user'
import { MemoryObjects } from '../memory-objects.ts'
import { BearerTokenAuthenticator, BearerTokens, tokens, users } from './bearer-tokens.ts'
import { GuessLimiter, network } from './guess-limiter.ts'
import { LocalUsers } from './local-users.ts'
import { newPassword, PasswordHasher } from './password.ts'
import { sessionCookie } from './session-cookie.ts'

let objects: MemoryObjects
let bearer: BearerTokens
let local: LocalUsers
let authenticator: BearerTokenAuthenticator
let clock: number
let password: string

beforeEach(async () => {
  objects = new MemoryObjects()
  clock = Date.now()
  bearer = new BearerTokens(
    () => objects,
    () => clock,
  )
  local = new LocalUsers({
    objects: () => objects,
    tokens: bearer,
    hasher: new PasswordHasher(),
    guesses: new GuessLimiter(() => clock),
  })
  authenticator = new BearerTokenAuthenticator(bearer)
  password = (await local.ensureFirstAdministrator())!.password
})
const who = (token: string) => authenticator.authenticate({ headers: { authorization: `Bearer ${token}` } })

describe('local users', () => {
  test('the first administrator gets a password that is shown once and kept only as a hash', async () => {
    expect(password).toMatch(/^[A-Za-z0-9]{20}$/)
    expect(await local.ensureFirstAdministrator()).toBeUndefined()
    expect(JSON.stringify([...objects.list(users)])).not.toContain(password)
    expect(objects.get<LocalUser>(users, '', 'admin')!.spec!.passwordHash).toMatch(/^scrypt\$32768\$8\$1\$/)
  })

  test('log in, are known by their token, and log out', async () => {
    const session = await local.login('admin', password, '192.0.2.1')
    expect(who(session.token)).toMatchObject({
      name: 'admin',
      groups: ['thresher:administrators', 'thresher:local-users'],
    })
    expect(JSON.stringify([...objects.list(tokens)])).not.toContain(session.token.split(':')[1])
    await local.logout(session.token)
    expect(() => who(session.token)).toThrow('Unauthorized')
  })

  test('are refused alike for a wrong password, an unknown name and a disabled account', async () => {
    const refusal = { code: 401, message: 'user name or password is wrong' }
    await expect(local.login('admin', 'wrong', '192.0.2.1')).rejects.toMatchObject(refusal)
    await expect(local.login('nobody', 'wrong', '192.0.2.1')).rejects.toMatchObject(refusal)
    const admin = objects.get<LocalUser>(users, '', 'admin')!
    await objects.update(users, { ...admin, spec: { ...admin.spec, disabled: true } })
    await expect(local.login('admin', password, '192.0.2.1')).rejects.toMatchObject(refusal)
    await expect(local.login(['admin'] as never, password, '192.0.2.1')).rejects.toMatchObject(refusal)
  })

  test('wait longer and longer after five wrong guesses, even with the right password, and only where they guessed', async () => {
    const guesses = await Promise.allSettled(
      Array.from({ length: 8 }, () => local.login('admin', 'wrong', '192.0.2.1')),
    )
    const codes = guesses.map((guess) => (guess.status === 'rejected' ? (guess.reason as { code: number }).code : 200))
    expect(codes).toEqual([401, 401, 401, 401, 401, 429, 429, 429])
    await expect(local.login('admin', password, '192.0.2.1')).rejects.toMatchObject({
      code: 429,
      details: { retryAfterSeconds: 1 },
    })
    expect((await local.login('admin', password, '192.0.2.2')).token).toBeDefined()
    clock += 1001
    await expect(local.login('admin', 'wrong', '192.0.2.1')).rejects.toMatchObject({ code: 401 })
    await expect(local.login('admin', password, '192.0.2.1')).rejects.toMatchObject({
      details: { retryAfterSeconds: 2 },
    })
    clock += 2001
    expect((await local.login('admin', password, '192.0.2.1')).token).toBeDefined()
  })

  test('change their password with the old one; other sessions end, the own one stays', async () => {
    const own = await local.login('admin', password, '192.0.2.1')
    const other = await local.login('admin', password, '192.0.2.1')
    await expect(
      local.changePassword('admin', 'wrong', 'a new long password', '192.0.2.1', own.name),
    ).rejects.toMatchObject({ code: 401 })
    await expect(local.changePassword('admin', password, 'short', '192.0.2.1', own.name)).rejects.toThrow(
      'at least 12 characters',
    )
    await local.changePassword('admin', password, 'a new long password', '192.0.2.1', own.name)
    expect(who(own.token)).toBeDefined()
    expect(() => who(other.token)).toThrow('Unauthorized')
    await expect(local.login('admin', password, '192.0.2.1')).rejects.toMatchObject({ code: 401 })
    expect(await local.login('admin', 'a new long password', '192.0.2.1')).toBeDefined()
  })

  test('whose name is used again do not inherit old tokens; ended tokens are swept', async () => {
    const session = await local.login('admin', password, '192.0.2.1')
    const admin = objects.get<LocalUser>(users, '', 'admin')!
    await objects.delete(users, '', 'admin')
    await objects.create<LocalUser>(users, { ...admin, metadata: { name: 'admin' } })
    expect(() => who(session.token)).toThrow('Unauthorized')
    const next = await local.login('admin', password, '192.0.2.1', { ttlMs: 1000 })
    expect([...objects.list<Token>(tokens)].map((token) => token.metadata.name)).toEqual([next.name])
    clock += 2000
    expect(() => who(next.token)).toThrow('Unauthorized')
    await bearer.sweep()
    expect([...objects.list(tokens)]).toEqual([])
  })
})

describe('bearer tokens', () => {
  test('that are malformed belong to someone else, those with a wrong secret to nobody', async () => {
    const { token, name } = await local.login('admin', password, '192.0.2.1')
    for (const other of ['x', name, `${name}:`, `a.b.c`, `__proto__:${'x'.repeat(43)}`])
      expect(who(other)).toBeUndefined()
    expect(() => who(`${token.slice(0, -2)}AA`)).toThrow('Unauthorized')
  })

  test('in the session cookie count only from our own pages', () => {
    const headers = { cookie: 'a=b; R_SESS=token-1%3Axyz; c=d', host: 'hci.example:6443' }
    expect(sessionCookie({ headers })).toBe('token-1:xyz')
    expect(
      sessionCookie({ headers: { ...headers, origin: 'https://hci.example:6443', 'sec-fetch-site': 'same-origin' } }),
    ).toBe('token-1:xyz')
    for (const attack of [
      { origin: 'https://evil.example' },
      { origin: 'http://hci.example:6443' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { cookie: 'R_SESS=a; R_SESS=b' },
      { cookie: 'R_SESS=%' },
      { authorization: 'Bearer x' },
    ])
      expect(sessionCookie({ headers: { ...headers, ...attack } }), JSON.stringify(attack)).toBeUndefined()
  })

  test('in the cookie of the dashboard count for changes and WebSockets only with the Origin of our own pages', () => {
    const headers = { cookie: '__Host-thresher=token-1%3Axyz; R_SESS=token-2%3Aabc', host: 'hci.example:6443' }
    const origin = 'https://hci.example:6443'
    expect(sessionCookie({ headers, method: 'GET' })).toBe('token-1:xyz')
    expect(sessionCookie({ headers: { ...headers, origin }, method: 'POST' })).toBe('token-1:xyz')
    expect(sessionCookie({ headers: { ...headers, origin, upgrade: 'websocket' }, method: 'GET' })).toBe('token-1:xyz')
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) expect(sessionCookie({ headers, method })).toBeUndefined()
    expect(sessionCookie({ headers: { ...headers, upgrade: 'websocket' }, method: 'GET' })).toBeUndefined()
    const proxied = { ...headers, host: '127.0.0.1:6443', 'x-forwarded-host': 'cloud.example' }
    expect(sessionCookie({ headers: { ...proxied, origin: 'https://cloud.example' }, method: 'POST' })).toBe(
      'token-1:xyz',
    )
    expect(sessionCookie({ headers: { ...proxied, origin }, method: 'POST' })).toBeUndefined()
  })
})

describe('GuessLimiter', () => {
  test('takes the addresses of one IPv6 network as one', () => {
    expect(network('2001:db8:1:2:3::4')).toBe('2001:db8:1:2::/64')
    expect(network('2001:0db8:1:2::9')).toBe('2001:db8:1:2::/64')
    expect(network('::ffff:192.0.2.1')).toBe('192.0.2.1')
    expect(network('fe80::1%eth0')).toBe('fe80:0:0:0::/64')
  })

  test('slows down an address that tries many users, and never locks a user out for long from elsewhere', () => {
    const limiter = new GuessLimiter(() => clock)
    for (let at = 0; at < 40; at++) limiter.tried(`user${at}`, '192.0.2.1')
    expect(limiter.waitMs('fresh', '192.0.2.1')).toBeGreaterThan(60_000)
    for (let at = 0; at < 500; at++) limiter.tried('victim', `198.51.100.${at % 250}`)
    expect(limiter.waitMs('victim', '203.0.113.1')).toBeLessThanOrEqual(10_000)
  })
})

test('passwords made by the server are long and all different', () => {
  expect(new Set(Array.from({ length: 100 }, newPassword)).size).toBe(100)
})
