/**
 * What one client with 200 connections that lists without end does to another that gets one object at a time, without and
 * with limits: `node bench/fairness.ts`.
 */
import https from 'node:https'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { startSecureServer, type SecureServer } from '@thresher/apiserver/auth/testing'
import { FairLimiter } from '@thresher/apiserver/limits/fair-limiter'

interface Load {
  ca: string
  port: number
  cert: { cert: string; key: string }
  connections: number
  path: string
  ms: number
}

interface Result {
  done: number
  refused: number
  p50ms: number
  p99ms: number
}

const objects = '/api/v1/namespaces/default/configmaps'
const ms = 6000

async function measure(limited: boolean): Promise<Record<string, Result>> {
  await using secure = await startSecureServer(limited ? { limiter: new FairLimiter() } : {})
  for (let at = 0; at < 300; at++)
    await secure.asAdmin('POST', objects, { metadata: { name: `c${at}` }, data: { x: 'y'.repeat(500) } })
  const [calm, mad] = await Promise.all([load(secure, 'calm', 1, `${objects}/c1`), load(secure, 'mad', 200, objects)])
  return { calm, mad }
}

function load(secure: SecureServer, name: string, connections: number, path: string): Promise<Result> {
  const cert = secure.server.certificate({ name, groups: ['system:masters'] })
  const data: Load = { ca: secure.server.pki.ca.cert, port: secure.server.http.port, cert, connections, path, ms }
  return new Promise((resolve, reject) =>
    new Worker(new URL(import.meta.url), { workerData: data }).once('message', resolve).once('error', reject),
  )
}

async function send({ ca, port, cert, connections, path, ms: duration }: Load): Promise<Result> {
  const agent = new https.Agent({ keepAlive: true, maxSockets: connections, ca, ...cert })
  const times: number[] = []
  let refused = 0
  const once = () =>
    new Promise<void>((resolve, reject) => {
      const start = performance.now()
      const request = https.get({ host: '127.0.0.1', port, path, agent }, (reply) => {
        reply.resume().once('end', () => {
          if (reply.statusCode === 429) refused += 1
          else times.push(performance.now() - start)
          resolve()
        })
      })
      request.once('error', reject)
    })
  const end = Date.now() + duration
  await Promise.all(
    Array.from({ length: connections }, async () => {
      while (Date.now() < end) await once()
    }),
  )
  agent.destroy()
  times.sort((a, b) => a - b)
  const at = (part: number) => Math.round((times[Math.floor(times.length * part)] ?? Number.NaN) * 100) / 100
  return { done: times.length, refused, p50ms: at(0.5), p99ms: at(0.99) }
}

if (isMainThread) for (const limited of [false, true]) console.log({ limited, ...(await measure(limited)) })
else parentPort?.postMessage(await send(workerData as Load))
