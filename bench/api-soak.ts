/**
 * Minutes of what wears a server out: writes, watchers that read slowly or not at all, connections that break off, and
 * lists that nobody reads to the end. Prints the server's memory every ten seconds; it must not grow.
 *
 *     node bench/api-soak.ts [--minutes 10]
 */
import { fork } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import { parseArgs } from 'node:util'
import { sampleObject, samplesPath } from './api-shapes.ts'

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '10' } } })
const directory = mkdtempSync(join(tmpdir(), 'thresher-soak-'))
const child = fork(join(import.meta.dirname, 'api-server-process.ts'), ['api', directory])

interface Served {
  url: string
  ca: string
  cert: string
  key: string
  pid: number
}

try {
  const served = await new Promise<Served>((resolve, reject) => {
    child.once('message', resolve as never)
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}`)))
  })
  const { hostname, port } = new URL(served.url)
  const options = { host: hostname, port: Number(port), ca: served.ca, cert: served.cert, key: served.key }
  const agent = new Agent({ keepAlive: true, maxSockets: 4 })
  const call = (method: string, path: string, body?: unknown, type = 'application/json') =>
    new Promise<number>((resolve) => {
      const text = body === undefined ? undefined : JSON.stringify(body)
      const headers = text ? { 'content-type': type, 'content-length': Buffer.byteLength(text) } : {}
      const sent = request({ agent, ...options, method, path, headers }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode ?? 0))
      })
      sent.on('error', () => resolve(0))
      sent.end(text)
    })
  const objects = 2000
  for (let index = 0; index < objects; index += 1) await call('POST', samplesPath, sampleObject(`soak-${index}`))

  const until = Date.now() + Number(values.minutes) * 60_000
  const over = () => Date.now() > until
  const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))
  const open = (path: string) => {
    const socket: TLSSocket = connect(options, () => socket.write(`GET ${path} HTTP/1.1\r\nHost: soak\r\n\r\n`))
    socket.on('error', () => undefined)
    return socket
  }
  let writes = 0
  const failures: Record<number, number> = {}
  const writer = async () => {
    while (!over()) {
      const name = `soak-${Math.floor(Math.random() * objects)}`
      const status = await call(
        'PATCH',
        `${samplesPath}/${name}`,
        { spec: { round: Math.random() } },
        'application/merge-patch+json',
      )
      if (status !== 200) failures[status] = (failures[status] ?? 0) + 1
      writes += 1
      await pause(10)
    }
  }
  /** Watches, reads for a while or never, and goes without a word. */
  const watcher = async (kind: 'quick' | 'slow' | 'deaf') => {
    while (!over()) {
      const socket = open(`${samplesPath}?watch=true&allowWatchBookmarks=true`)
      if (kind === 'deaf') socket.pause()
      else
        socket.on('data', () => {
          if (kind === 'quick') return
          socket.pause()
          setTimeout(() => socket.resume(), 200)
        })
      await pause(2000 + Math.random() * 10_000)
      socket.destroy()
    }
  }
  /** Asks for everything and leaves in the middle. */
  const lister = async () => {
    while (!over()) {
      const socket = open(samplesPath)
      socket.once('data', () => socket.pause())
      await pause(500 + Math.random() * 1000)
      socket.destroy()
    }
  }
  const rss = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${served.pid}/status`, 'utf8'))![1]) / 1024
  const samples: number[] = []
  const watch = async () => {
    while (!over()) {
      await pause(10_000)
      samples.push(rss())
      console.log(`${writes} writes, RSS ${rss().toFixed(0)} MiB`)
    }
  }
  await Promise.all([
    ...Array.from({ length: 2 }, writer),
    ...Array.from({ length: 20 }, () => watcher('quick')),
    ...Array.from({ length: 20 }, () => watcher('slow')),
    ...Array.from({ length: 10 }, () => watcher('deaf')),
    ...Array.from({ length: 4 }, lister),
    watch(),
  ])
  agent.destroy()
  const half = samples.slice(Math.floor(samples.length / 2))
  console.log(
    `failures ${JSON.stringify(failures)}; highest RSS in the second half ${Math.max(...half).toFixed(0)} MiB, in the first ${Math.max(...samples.slice(0, Math.ceil(samples.length / 2))).toFixed(0)} MiB`,
  )
} finally {
  child.removeAllListeners('exit')
  child.kill()
  rmSync(directory, { recursive: true, force: true })
}
