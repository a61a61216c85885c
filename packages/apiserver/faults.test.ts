import { execFileSync, fork, type ChildProcess } from 'node:child_process'
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:tls'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ConfigMap } from '@thresher/api/core/config-map'
import { Namespace } from '@thresher/api/core/namespace'
import { isReason } from '@thresher/api/error'
import type { KubeList, KubeObject } from '@thresher/api/meta'
import { Client } from '@thresher/client/client'
import { httpsTransport } from '@thresher/client/node/https-transport'
import { Informer } from '@thresher/client/informer'
import { startTestServer } from './testing.ts'

const path = '/api/v1/namespaces/default/configmaps'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'thresher-faults-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

interface Running {
  child: ChildProcess
  port: number
  ca: string
  cert: string
  key: string
}

async function startProcess(at: string, port = 0): Promise<Running> {
  const child = fork(join(import.meta.dirname, 'server-process.ts'), [at, String(port)], { execArgv: [] })
  const message = await new Promise<Omit<Running, 'child'>>((resolve, reject) => {
    child.once('message', (value) => resolve(value as Omit<Running, 'child'>))
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}`)))
  })
  return { child, ...message }
}

const killed = (child: ChildProcess) =>
  new Promise<void>((resolve) => {
    child.removeAllListeners('exit')
    child.once('exit', () => resolve())
    child.kill('SIGKILL')
  })

const transportTo = ({ port, ca, cert, key }: Running) =>
  httpsTransport({ server: `https://127.0.0.1:${port}`, ca, cert, key })

describe('a server that is killed', () => {
  test('has every write that it acknowledged, and informers find it again', async () => {
    const at = join(directory, 'killed')
    await mkdir(at)
    let running = await startProcess(at)
    const { port } = running
    const watching = transportTo(running)
    const informer = new Informer(new Client(watching).resource(ConfigMap))
    const stop = new AbortController()
    void informer.run(stop.signal)
    const acknowledged: string[] = []
    for (let round = 0; round < 3; round += 1) {
      const writing = transportTo(running)
      const writers = Array.from({ length: 8 }, async (_, writer) => {
        for (let index = 0; ; index += 1) {
          const name = `r${round}-w${writer}-${index}`
          try {
            await writing.request({ method: 'POST', path, body: { metadata: { name } } })
            acknowledged.push(name)
          } catch {
            return
          }
        }
      })
      const enough = acknowledged.length + 40
      await expect.poll(() => acknowledged.length, { timeout: 10_000 }).toBeGreaterThan(enough)
      await killed(running.child)
      await Promise.all(writers)
      await writing.close()
      running = await startProcess(at, port)
    }
    const reading = transportTo(running)
    const list = await reading.request<KubeList<KubeObject>>({ method: 'GET', path })
    const there = new Set(list.items.map((item) => item.metadata.name))
    expect(acknowledged.length).toBeGreaterThan(50)
    expect(acknowledged.filter((name) => !there.has(name))).toEqual([])
    await expect.poll(() => informer.list().length, { timeout: 20_000 }).toBe(list.items.length)
    await reading.request({ method: 'POST', path, body: { metadata: { name: 'after-all' } } })
    await expect.poll(() => informer.get('default/after-all')?.metadata.name, { timeout: 10_000 }).toBe('after-all')
    stop.abort()
    await Promise.all([reading.close(), watching.close()])
    await killed(running.child)
  }, 60_000)
})

describe('a full disk', () => {
  test('refuses writes with a time to come back, answers reads, and heals without a restart', async () => {
    const mount = join(directory, 'small')
    await mkdir(mount)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', mount])
    try {
      const server = await startTestServer({ kinds: [Namespace, ConfigMap], directory: mount })
      const api = server.transport()
      const fill = join(mount, 'filler')
      await writeFile(fill, Buffer.alloc(3 * 1024 * 1024))
      let refusal: unknown
      let written = 0
      for (; written < 200 && !refusal; written += 1) {
        const body = { metadata: { name: `f${written}` }, data: { a: 'x'.repeat(60_000) } }
        await api.request({ method: 'POST', path, body }).catch((error: unknown) => {
          refusal = error
        })
      }
      expect(isReason(refusal, 'ServiceUnavailable')).toBe(true)
      expect(refusal).toMatchObject({ code: 503, details: { retryAfterSeconds: 5 } })
      const list = await api.request<KubeList<KubeObject>>({ method: 'GET', path })
      expect(list.items).toHaveLength(written - 1)
      await rm(fill)
      await api.request({ method: 'POST', path, body: { metadata: { name: 'healed' } } })
      expect((await api.request<KubeObject>({ method: 'GET', path: `${path}/healed` })).metadata.name).toBe('healed')
      await server.close()
    } finally {
      execFileSync('umount', ['-l', mount])
    }
  }, 30_000)
})

describe('a watcher that does not read', () => {
  test('costs no memory: it falls out of the window and is told to list again', async () => {
    await using server = await startTestServer({ kinds: [Namespace, ConfigMap] })
    const api = server.transport()
    await api.request({ method: 'POST', path, body: { metadata: { name: 'busy' } } })
    const { cert, key } = server.certificate({ name: 'admin', groups: ['system:masters'] })
    const socket = connect({ host: '127.0.0.1', port: server.http.port, ca: server.pki.ca.cert, cert, key })
    await new Promise<void>((resolve) => socket.once('secureConnect', () => resolve()))
    socket.pause()
    socket.write(`GET ${path}?watch=true HTTP/1.1\r\nHost: x\r\n\r\n`)
    for (let index = 0; index < 300; index += 1) {
      const body = { data: { a: 'x'.repeat(200_000), index: String(index) } }
      await api.request({ method: 'PATCH', path: `${path}/busy`, body, contentType: 'application/merge-patch+json' })
    }
    expect(server.api.registry.cache(ConfigMap)!.window.bytes).toBeLessThan(30 * 1024 * 1024)
    let text = ''
    socket.on('data', (data) => {
      text = (text + data.toString()).slice(-100_000)
    })
    socket.resume()
    await expect.poll(() => text, { timeout: 10_000 }).toContain('"code":410')
    socket.destroy()
  }, 30_000)
})
