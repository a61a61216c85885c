import { once } from 'node:events'
import { createServer, request, type RequestOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { addMachine } from './fixtures.ts'
import { openPage, signIn, startBrowser, startDashboard } from './testing.ts'

const prefix = '/thresher'

test('works under a path of a reverse proxy: sign-in, lists that follow, and changes', async () => {
  await using dashboard = await startDashboard({ simulate: false })
  const { pki, http } = dashboard.server
  /** The request as the proxy sends it on: without the prefix, to another host, with the outer one beside it. */
  const inner = (method = 'GET', path = '/', headers: NodeJS.Dict<string | string[]> = {}): RequestOptions => ({
    host: '127.0.0.1',
    port: http.port,
    ca: pki.ca.cert,
    method,
    path: path.slice(prefix.length),
    headers: { ...headers, host: `127.0.0.1:${http.port}`, 'x-forwarded-host': headers.host },
  })
  const proxy = createServer({ ...pki.server }, (incoming, answer) => {
    const outgoing = request(inner(incoming.method, incoming.url, incoming.headers), (reply) => {
      answer.writeHead(reply.statusCode ?? 502, reply.headers)
      reply.pipe(answer)
    })
    outgoing.on('error', () => answer.destroy())
    if (incoming.headers['content-length'] === undefined) outgoing.end()
    else incoming.pipe(outgoing)
  })
  proxy.on('upgrade', (incoming, socket) => {
    const outgoing = request(inner('GET', incoming.url, incoming.headers))
    outgoing.on('upgrade', (reply, other) => {
      const lines = Object.entries(reply.headers).map(([name, value]) => `${name}: ${String(value)}`)
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('\r\n')}\r\n\r\n`)
      other.on('error', () => socket.destroy()).pipe(socket)
      socket.on('error', () => other.destroy()).pipe(other)
    })
    outgoing.on('response', () => socket.destroy())
    outgoing.on('error', () => socket.destroy())
    outgoing.end()
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const url = `https://127.0.0.1:${(proxy.address() as AddressInfo).port}${prefix}`
  await using browser = await startBrowser()
  const { page, complaints } = await openPage(browser, url)
  await signIn(page, url, dashboard.password)
  await page.goto(`${url}/#/machines`)
  await page.getByText('Nothing here yet').waitFor()
  await addMachine(dashboard.client, 'behind-a-proxy')
  await page.getByRole('link', { name: 'behind-a-proxy' }).click()
  await page.getByRole('button', { name: 'Actions' }).click()
  await page.getByRole('menuitem', { name: 'Delete' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await page.getByText('behind-a-proxy has been deleted').or(page.getByText('It is being deleted.')).first().waitFor()
  expect(complaints).toEqual({ errors: [], foreign: [] })
  await page.context().close()
  proxy.closeAllConnections()
  proxy.close()
}, 60_000)
