import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket as NodeWebSocket } from 'ws'
import { ConfigMap } from '@thresher/api/core/config-map'
import type { KubeObject } from '@thresher/api/meta'
import { Client } from '@thresher/client/client'
import { Informer } from '@thresher/client/informer'
import type { Transport } from '@thresher/client/transport'
import { WatchSocket } from '@thresher/client/watch-socket'
import { startSecureServer, type SecureServer } from './auth/testing.ts'
import { watchSocketRoute } from './watch-socket.ts'

let secure: SecureServer
let token: string
const opened: NodeWebSocket[] = []

beforeAll(async () => {
  const routes = [watchSocketRoute(() => secure.server.api, 100)]
  secure = await startSecureServer({ routes })
  token = (await secure.security.users.login('admin', secure.password, '127.0.0.1')).token
})
afterAll(() => secure.close())

/** A connection as a page of `origin` would open it, with the session's cookie. */
function open(cookieToken = token, origin = secure.server.url): WebSocket {
  const socket = new NodeWebSocket(`${secure.server.url.replace('https', 'wss')}/watches`, {
    ca: secure.server.pki.ca.cert,
    headers: { cookie: `__Host-thresher=${encodeURIComponent(cookieToken)}`, origin },
  })
  opened.push(socket)
  return socket as unknown as WebSocket
}

/** Requests within the process, watches over the WebSocket. */
function transportOver(sockets: WatchSocket): Transport {
  const inProcess = secure.server.transport()
  return {
    request: (request) => inProcess.request(request),
    watch: (request) => sockets.watch(request),
    close: () => inProcess.close(),
  }
}

const configMap = (name: string, value = '1') => ({ metadata: { name, namespace: 'default' }, data: { value } })

test('many watches share one connection, and informers go on over the next one when it is cut', async () => {
  const sockets = new WatchSocket(() => open())
  const client = new Client(transportOver(sockets))
  const stop = new AbortController()
  const informers = Array.from({ length: 20 }, () => new Informer(client.resource(ConfigMap), { namespace: 'default' }))
  for (const informer of informers) void informer.run(stop.signal)
  await Promise.all(informers.map(({ synced }) => synced))
  const before = opened.length
  await client.resource(ConfigMap).create(configMap('one'))
  await expect.poll(() => informers.every((informer) => informer.get('default/one'))).toBe(true)
  expect(opened.length).toBe(Math.max(before, 1))
  opened.at(-1)!.terminate()
  await client.resource(ConfigMap).create(configMap('two'))
  await expect.poll(() => informers.every((informer) => informer.get('default/two'))).toBe(true)
  stop.abort()
  sockets.close()
})

test('a watch that begins too far back ends with 410, one of a kind that is not served with 404, and the others go on', async () => {
  const sockets = new WatchSocket(() => open())
  const first = async (path: string, query: Record<string, string>) => {
    for await (const event of sockets.watch<KubeObject>({ path, query })) return event
    return undefined
  }
  await expect(first('/api/v1/nothings', {})).rejects.toMatchObject({ code: 404 })
  await expect(first('/api/v1/configmaps', { resourceVersion: '999999999' })).rejects.toMatchObject({ code: 504 })
  await expect(first('/api/v1/configmaps', {})).resolves.toMatchObject({ type: 'ADDED' })
  expect(opened.filter((socket) => socket.readyState === socket.OPEN)).toHaveLength(1)
  sockets.close()
})

test('what the caller may not watch is refused by name', async () => {
  await secure.asAdmin('POST', '/apis/auth.thresher.io/v1/users', {
    metadata: { name: 'tenant' },
    spec: { password: 'a long enough password' },
  })
  const tenant = await secure.security.users.login('tenant', 'a long enough password', '127.0.0.1')
  const sockets = new WatchSocket(() => open(tenant.token))
  const events = sockets.watch({ path: '/api/v1/secrets', query: {} })
  await expect(events.next()).rejects.toMatchObject({ code: 403, message: expect.stringContaining('secrets') })
  sockets.close()
})

test('a page of another site, a wrong token and no Origin at all get no connection', async () => {
  for (const [cookieToken, origin] of [
    [token, 'https://evil.example'],
    [`${token}x`, secure.server.url],
    [token, ''],
  ] as const) {
    const sockets = new WatchSocket(() => open(cookieToken, origin))
    await expect(sockets.watch({ path: '/api/v1/pods', query: {} }).next()).rejects.toMatchObject({ code: 503 })
  }
})

test('the end of the session ends the connection', async () => {
  const session = await secure.security.users.login('admin', secure.password, '127.0.0.1')
  const sockets = new WatchSocket(() => open(session.token))
  const events = sockets.watch({ path: '/api/v1/configmaps', query: {} })
  await events.next()
  await secure.security.users.logout(session.token)
  const rest = async () => {
    for await (const _ of events);
  }
  await expect(rest()).rejects.toMatchObject({ message: 'the session has ended' })
})

test('a message that is none ends the connection, as does one above 64 KiB', async () => {
  for (const message of ['x', '{"id":1,"path":"/metrics"}', '{"id":1,"path":"/api/v1/pods?x"}', ' '.repeat(70_000)]) {
    const socket = open() as unknown as NodeWebSocket
    const closed = new Promise<number>((resolve) => socket.once('close', resolve))
    socket.once('open', () => socket.send(message))
    expect([1003, 1009]).toContain(await closed)
  }
})
