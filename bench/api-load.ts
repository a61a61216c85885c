import { Agent, request } from 'node:https'
import { sampleObject, samplesPath } from './api-shapes.ts'

/** A task for the load generator, which runs in a process of its own. */
export interface LoadTask {
  url: string
  ca: string
  cert: string
  key: string
  operation:
    | 'canned'
    | 'create'
    | 'get'
    | 'get-cached'
    | 'merge-patch'
    | 'apply'
    | 'delete'
    | 'list'
    | 'list-paged'
    | 'list-selector'
  clients: number
  count: number
  /** Distinguishes the objects of one run from those of another. */
  prefix: string
}

export interface LoadResult {
  seconds: number
  /** Milliseconds, sorted. */
  latencies: number[]
  failures: Record<string, number>
}

interface Call {
  method: string
  path: string
  body?: string
  type?: string
}

function callOf(task: LoadTask, index: number): Call {
  const name = `${task.prefix}-${index}`
  switch (task.operation) {
    case 'canned':
      return { method: 'GET', path: '/' }
    case 'create':
      return { method: 'POST', path: samplesPath, body: JSON.stringify(sampleObject(name)), type: 'application/json' }
    case 'get':
      return { method: 'GET', path: `${samplesPath}/${name}` }
    case 'get-cached':
      return { method: 'GET', path: `${samplesPath}/${name}?resourceVersion=0` }
    case 'merge-patch':
      return {
        method: 'PATCH',
        path: `${samplesPath}/${name}`,
        body: JSON.stringify({
          metadata: { annotations: { 'bench.thresher.io/round': String(Math.random()) } },
          spec: { round: Math.random() },
        }),
        type: 'application/merge-patch+json',
      }
    case 'apply': {
      const object = sampleObject(name)
      return {
        method: 'PATCH',
        path: `${samplesPath}/${name}?fieldManager=bench&force=true`,
        body: JSON.stringify({ ...object, spec: { ...(object.spec as object), round: Math.random() } }),
        type: 'application/apply-patch+yaml',
      }
    }
    case 'delete':
      return { method: 'DELETE', path: `${samplesPath}/${name}` }
    case 'list':
    case 'list-paged':
      return { method: 'GET', path: samplesPath }
    case 'list-selector':
      return { method: 'GET', path: `${samplesPath}?labelSelector=only-${task.prefix}-${index}%3Dyes` }
  }
}

/** Run a task from this process. */
export async function runLoad(task: LoadTask): Promise<LoadResult> {
  const url = new URL(task.url)
  const agent = new Agent({
    keepAlive: true,
    maxSockets: task.clients,
    ca: task.ca,
    cert: task.cert,
    key: task.key,
    rejectUnauthorized: task.operation !== 'canned',
  })
  const latencies: number[] = []
  const failures: Record<string, number> = {}
  const once = (call: Call) =>
    new Promise<{ status: number; text: () => string }>((resolve, reject) => {
      const headers: Record<string, string | number> = { accept: 'application/json' }
      if (call.body !== undefined) {
        headers['content-type'] = call.type!
        headers['content-length'] = Buffer.byteLength(call.body)
      }
      const sent = request(
        { agent, host: url.hostname, port: url.port, method: call.method, path: call.path, headers },
        (response) => {
          const chunks: Buffer[] = []
          const keep = task.operation === 'list-paged'
          response.on('data', (chunk: Buffer) => keep && chunks.push(chunk))
          response.on('end', () =>
            resolve({ status: response.statusCode ?? 0, text: () => Buffer.concat(chunks).toString() }),
          )
          response.on('error', reject)
        },
      )
      sent.on('error', reject)
      sent.end(call.body)
    })
  const paged = async () => {
    let token = ''
    for (;;) {
      const answer = await once({ method: 'GET', path: `${samplesPath}?limit=500${token && `&continue=${token}`}` })
      const list = JSON.parse(answer.text()) as { metadata: { continue?: string } }
      if (!list.metadata.continue) return answer
      token = encodeURIComponent(list.metadata.continue)
    }
  }
  let next = 0
  const begun = performance.now()
  await Promise.all(
    Array.from({ length: task.clients }, async () => {
      while (next < task.count) {
        const call = callOf(task, next++)
        const started = performance.now()
        const { status } = task.operation === 'list-paged' ? await paged() : await once(call)
        latencies.push(performance.now() - started)
        if (status >= 400) failures[status] = (failures[status] ?? 0) + 1
      }
    }),
  )
  const seconds = (performance.now() - begun) / 1000
  agent.destroy()
  return { seconds, latencies: latencies.toSorted((left, right) => left - right), failures }
}

if (process.send && process.argv[1]?.endsWith('api-load.ts')) {
  process.on('message', (task: LoadTask) => {
    runLoad(task).then(
      (result) => process.send!(result),
      (error: unknown) => process.send!({ seconds: 0, latencies: [], failures: { [String(error)]: 1 } }),
    )
  })
}
