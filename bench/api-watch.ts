import { fork } from 'node:child_process'
import { Agent, request } from 'node:https'
import { join } from 'node:path'
import { samplesPath } from './api-shapes.ts'
import { clock, type WatchersReport, type WatchersTask } from './api-watchers.ts'

/** A server and who asks it. */
export interface Target {
  url: string
  ca: string
  cert: string
  key: string
}

export interface WatchResult {
  /** Milliseconds from the beginning of a write to its event's arrival, sorted. */
  latencies: number[]
  delivered: number
  expected: number
  perSecond: number
}

/**
 * Write at a steady rate and see when each watcher learns of each write. The watches are in a process of their own.
 *
 * @param onStart called when all watches are open and the writes begin
 */
export async function measureWatch(
  target: Target,
  { watchers, perSecond, seconds }: { watchers: number; perSecond: number; seconds: number },
  onStart: () => void,
): Promise<WatchResult> {
  const url = new URL(target.url)
  const { ca, cert, key } = target
  const options = { host: url.hostname, port: url.port, ca, cert, key }
  const writer = new Agent({ keepAlive: true, maxSockets: 8 })
  const name = 'watched'
  const call = (method: string, path: string, body: unknown, type: string) =>
    new Promise<void>((resolve, reject) => {
      const text = JSON.stringify(body)
      const headers = { 'content-type': type, 'content-length': Buffer.byteLength(text) }
      const sent = request({ agent: writer, ...options, method, path, headers }, (response) => {
        response.resume().on('end', () => resolve())
      })
      sent.on('error', reject)
      sent.end(text)
    })
  await call('POST', samplesPath, { metadata: { name }, spec: { filler: 'x'.repeat(2000) } }, 'application/json')
  const child = fork(join(import.meta.dirname, 'api-watchers.ts'), { serialization: 'advanced' })
  const said = () => new Promise((resolve) => void child.once('message', resolve))
  child.send({
    url: target.url,
    ca,
    cert,
    key,
    watchers,
    path: `${samplesPath}?watch=true&fieldSelector=metadata.name%3D${name}`,
  } satisfies WatchersTask)
  await said()
  await new Promise((resolve) => setTimeout(resolve, 500))
  onStart()
  const total = perSecond * seconds
  const begun = clock()
  const writes: Promise<void>[] = []
  for (let index = 0; index < total; index += 1) {
    const wait = begun + (index * 1000) / perSecond - clock()
    if (wait > 1) await new Promise((resolve) => setTimeout(resolve, wait))
    const patch = { spec: { sentAt: String(clock()) } }
    writes.push(call('PATCH', `${samplesPath}/${name}`, patch, 'application/merge-patch+json'))
  }
  await Promise.all(writes)
  const elapsed = (clock() - begun) / 1000
  await new Promise((resolve) => setTimeout(resolve, 1000))
  child.send('report')
  const { latencies } = (await said()) as WatchersReport
  writer.destroy()
  return {
    latencies: latencies.toSorted((left, right) => left - right),
    delivered: latencies.length,
    expected: total * watchers,
    perSecond: latencies.length / elapsed,
  }
}
