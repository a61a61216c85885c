import { Agent, get, request } from 'node:https'
import { samplesPath } from './api-shapes.ts'

interface Target {
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

/** Open watches, write at a steady rate and see when each watcher learns of each write. */
export async function measureWatch(
  target: Target,
  { watchers, perSecond, seconds }: { watchers: number; perSecond: number; seconds: number },
): Promise<WatchResult> {
  const url = new URL(target.url)
  const options = { host: url.hostname, port: url.port, ca: target.ca, cert: target.cert, key: target.key }
  const writer = new Agent({ keepAlive: true, maxSockets: 8 })
  const name = 'watched'
  const call = (method: string, path: string, body: unknown, type: string) =>
    new Promise<void>((resolve, reject) => {
      const text = JSON.stringify(body)
      const sent = request(
        {
          agent: writer,
          ...options,
          method,
          path,
          headers: { 'content-type': type, 'content-length': Buffer.byteLength(text) },
        },
        (response) => {
          response.resume().on('end', () => resolve())
        },
      )
      sent.on('error', reject)
      sent.end(text)
    })
  await call('POST', samplesPath, { metadata: { name }, spec: { filler: 'x'.repeat(2000) } }, 'application/json')
  const latencies: number[] = []
  let delivered = 0
  const streams = await Promise.all(
    Array.from(
      { length: watchers },
      () =>
        new Promise<{ destroy(): void }>((resolve, reject) => {
          const sent = get(
            { ...options, agent: false, path: `${samplesPath}?watch=true&fieldSelector=metadata.name%3D${name}` },
            (response) => {
              // An event can be cut between two chunks; the tail stays until the rest is there.
              let tail = ''
              response.setEncoding('latin1').on('data', (text: string) => {
                const now = performance.now()
                const lines = (tail + text).split('\n')
                tail = lines.pop()!
                for (const line of lines) {
                  const match = /"sentAt":"([\d.]+)"/.exec(line)
                  if (!match) continue
                  delivered += 1
                  latencies.push(now - Number(match[1]))
                }
              })
              resolve(response)
            },
          )
          sent.on('error', reject)
        }),
    ),
  )
  await new Promise((resolve) => setTimeout(resolve, 500))
  const total = perSecond * seconds
  const begun = performance.now()
  const writes: Promise<void>[] = []
  for (let index = 0; index < total; index += 1) {
    const due = begun + (index * 1000) / perSecond
    const wait = due - performance.now()
    if (wait > 1) await new Promise((resolve) => setTimeout(resolve, wait))
    writes.push(
      call(
        'PATCH',
        `${samplesPath}/${name}`,
        { spec: { sentAt: String(performance.now()) } },
        'application/merge-patch+json',
      ),
    )
  }
  await Promise.all(writes)
  await new Promise((resolve) => setTimeout(resolve, 1000))
  const elapsed = (performance.now() - begun - 1000) / 1000
  for (const stream of streams) stream.destroy()
  writer.destroy()
  return {
    latencies: latencies.toSorted((left, right) => left - right),
    delivered,
    expected: total * watchers,
    perSecond: delivered / elapsed,
  }
}
