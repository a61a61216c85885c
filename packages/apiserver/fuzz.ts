import { Agent, request } from 'node:https'
import { connect } from 'node:tls'

/** Where the fuzzer sends to, and as whom. */
export interface FuzzTarget {
  url: string
  ca: string
  cert: string
  key: string
}

/** What a run came to. */
export interface FuzzReport {
  requests: number
  /** Answers by status; 0 where the connection was closed without one, as for bytes that are no HTTP. */
  statuses: Record<number, number>
  /** What must not be: answers of 500 and above, and requests that got none in time. */
  faults: string[]
}

/** Numbers that look random and are the same for the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

const TIMEOUT_MS = 15_000

const collections = [
  '/api/v1/namespaces/default/configmaps',
  '/api/v1/namespaces/default/pods',
  '/api/v1/namespaces/default/secrets',
  '/api/v1/namespaces',
  '/api/v1/nodes',
  '/apis/apps/v1/namespaces/default/deployments',
  '/apis/kubevirt.io/v1/namespaces/default/virtualmachines',
  '/apis/rbac.authorization.k8s.io/v1/clusterroles',
  '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
  '/apis/none.example/v1/things',
]
const names = [
  'a',
  'b',
  'fuzz',
  'A_B',
  '%00',
  '..%2f..',
  '%zz',
  'x'.repeat(300),
  '__proto__',
  'constructor',
  '💥',
  '%ff%fe',
  '',
]
const subresources = [
  '',
  '',
  '',
  '/status',
  '/scale',
  '/binding',
  '/eviction',
  '/finalize',
  '/nothing',
  '/status/deep/er',
]
const contentTypes = [
  'application/json',
  'application/json; charset=utf-8',
  'application/yaml',
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
  'application/vnd.kubernetes.protobuf',
  'text/plain',
  ';;;',
  '',
]
const accepts = [
  'application/json',
  '*/*',
  'application/yaml',
  'application/json;as=Table;v=v1;g=meta.k8s.io',
  'application/vnd.kubernetes.protobuf',
  'x/y',
  ',,;=',
  'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1',
]
const queries = [
  'labelSelector=a%3Db',
  'labelSelector=a in (b',
  'labelSelector=!!!',
  'labelSelector=%00',
  'fieldSelector=metadata.name%3Da',
  'fieldSelector=spec.x.y=1,,',
  'limit=-1',
  'limit=2',
  'limit=9999999999999999999',
  'continue=abc',
  'continue=eyJ2IjoidGhyZXNoZXIvdjEiLCJydiI6MSwic3RhcnQiOiJhIn0',
  'resourceVersion=0',
  'resourceVersion=1',
  'resourceVersion=-1',
  'resourceVersion=abc',
  'resourceVersionMatch=Exact',
  'resourceVersionMatch=x',
  'watch=true&timeoutSeconds=1',
  'watch=true&timeoutSeconds=x',
  'watch=true&resourceVersion=1&timeoutSeconds=1',
  'watch=1&sendInitialEvents=true&timeoutSeconds=1',
  'watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=1',
  'dryRun=All',
  'dryRun=x',
  'fieldValidation=Strict',
  'fieldValidation=x',
  'fieldManager=f&force=true',
  'fieldManager=g',
  `fieldManager=${'x'.repeat(200)}`,
  'propagationPolicy=Foreground',
  'gracePeriodSeconds=x',
  'gracePeriodSeconds=-5',
  'orphanDependents=true',
  '%',
  '&&==',
]

/** Send broken and half-broken requests. @param seed the same seed sends the same requests */
export async function fuzz(
  target: FuzzTarget,
  options: { requests: number; seed?: number; clients?: number },
): Promise<FuzzReport> {
  const random = randomFrom(options.seed ?? 1)
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  const { hostname, port } = new URL(target.url)
  const { ca, cert, key } = target
  const agent = new Agent({ keepAlive: true, maxSockets: options.clients ?? 16 })
  const report: FuzzReport = { requests: 0, statuses: {}, faults: [] }

  const scalar = (): unknown =>
    pick<unknown>([
      null,
      true,
      false,
      0,
      -1,
      1.5,
      1e308,
      2 ** 53,
      '',
      'a',
      '10Gi',
      '💥',
      'x'.repeat(3000),
      '\u0000',
      '2026-01-31T12:00:00Z',
      [],
      {},
    ])
  const keys = [
    'metadata',
    'spec',
    'status',
    'data',
    'name',
    'labels',
    'annotations',
    'finalizers',
    'ownerReferences',
    'managedFields',
    'containers',
    'template',
    'replicas',
    'selector',
    '$patch',
    '$retainKeys',
    '$setElementOrder/containers',
    '__proto__',
    'constructor',
    'toString',
    'a.b',
    '',
    'f:spec',
  ]
  const tree = (depth: number): unknown => {
    const choice = random()
    if (depth <= 0 || choice < 0.3) return scalar()
    if (choice < 0.45) return Array.from({ length: Math.floor(random() * 4) }, () => tree(depth - 1))
    // Through JSON text, so that __proto__ becomes a field like any other.
    const fields = Array.from(
      { length: Math.floor(random() * 5) },
      () => `${JSON.stringify(pick(keys))}:${JSON.stringify(tree(depth - 1) ?? null)}`,
    )
    return JSON.parse(`{${fields.join(',')}}`) as unknown
  }
  const plausible = (): Record<string, unknown> => ({
    metadata: {
      name: pick(['a', 'b', 'fuzz']),
      ...(random() < 0.3 ? { labels: tree(2), finalizers: tree(1), managedFields: tree(3) } : {}),
    },
    ...(random() < 0.6 ? { spec: tree(4) } : {}),
    ...(random() < 0.4 ? { data: tree(2) } : {}),
    ...(random() < 0.3 ? { status: tree(3) } : {}),
    ...(random() < 0.1 ? { kind: scalar(), apiVersion: scalar() } : {}),
  })
  const jsonPatch = () =>
    Array.from({ length: 1 + Math.floor(random() * 4) }, () => ({
      op: pick(['add', 'remove', 'replace', 'move', 'copy', 'test', 'x']),
      path: pick([
        '/metadata/name',
        '/spec',
        '/spec/replicas',
        '/data/a',
        '/__proto__/x',
        '/metadata/labels/~1~0',
        'no-slash',
        '',
        '/a/0/-',
        '/metadata/finalizers/-',
      ]),
      from: pick(['/spec', '/metadata', '', '/x', undefined]),
      value: tree(2),
    }))
  const body = (type: string): Buffer => {
    const value = type.includes('json-patch') ? jsonPatch() : random() < 0.7 ? plausible() : tree(5)
    const text = Buffer.from(JSON.stringify(value))
    const choice = random()
    if (choice < 0.7) return text
    if (choice < 0.76) return text.subarray(0, Math.floor(random() * text.length))
    if (choice < 0.82)
      return Buffer.concat([text.subarray(0, 10), Buffer.from([0xff, 0xfe, 0xc0, 0x80]), text.subarray(10)])
    if (choice < 0.86) return Buffer.from('['.repeat(5000) + ']'.repeat(5000))
    if (choice < 0.9) return Buffer.from('{"a":'.repeat(2000) + '1' + '}'.repeat(2000))
    if (choice < 0.93)
      return Buffer.from('a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nd: &d [*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d]\n')
    if (choice < 0.95) return Buffer.from('? - ? - ? - [\n: "\n\t- x: y: z\n')
    if (choice < 0.97)
      return Buffer.from([0x6b, 0x38, 0x73, 0, ...Array.from({ length: 40 }, () => Math.floor(random() * 256))])
    if (choice < 0.975) return Buffer.alloc(4 * 1024 * 1024, 0x20)
    return Buffer.from(Array.from({ length: 100 }, () => Math.floor(random() * 256)))
  }

  const once = () =>
    new Promise<void>((resolve) => {
      const method = pick(['GET', 'GET', 'POST', 'POST', 'PUT', 'PATCH', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'])
      const named = random() < 0.7
      let path = pick(collections) + (named ? `/${pick(names)}${pick(subresources)}` : '')
      if (random() < 0.05)
        path = `/${Array.from({ length: 20 }, () => pick(['/', 'a', '%2e', '..', '%', '{', '\\', 'api', 'apis'])).join('')}`
      const query = Array.from({ length: Math.floor(random() * 3) }, () => pick(queries)).join('&')
      const full = encodeUnsafe(query ? `${path}?${query}` : path)
      const type = pick(contentTypes)
      const bytes = method === 'GET' || method === 'HEAD' || method === 'OPTIONS' ? undefined : body(type)
      const headers: Record<string, string | number> = { accept: pick(accepts), 'content-type': type }
      if (random() < 0.03) headers['impersonate-user'] = pick(['', 'x', 'system:serviceaccount:a:b'])
      if (random() < 0.03) headers.authorization = pick(['Bearer', 'Bearer x.y.z', 'Basic ???', 'Bearer '.repeat(100)])
      if (random() < 0.02) headers['x-long'] = 'x'.repeat(70_000)
      if (bytes) headers['content-length'] = bytes.length
      const what = `${method} ${full.slice(0, 200)} ${type} ${bytes?.subarray(0, 300).toString() ?? ''}`
      let settled = false
      const settle = (status: number, text = '') => {
        if (settled) return
        settled = true
        report.requests += 1
        report.statuses[status] = (report.statuses[status] ?? 0) + 1
        const refusal = status === 504 && text.includes('ResourceVersionTooLarge')
        if (status >= 500 && !refusal) report.faults.push(`${status} ${text.slice(0, 200)} for ${what}`)
        resolve()
      }
      const sent = request(
        { agent, host: hostname, port, ca, cert, key, method, path: full, headers, timeout: TIMEOUT_MS },
        (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('end', () => settle(response.statusCode ?? 0, Buffer.concat(chunks).toString()))
          response.on('error', () => settle(0))
        },
      )
      sent.on('timeout', () => {
        report.faults.push(`no answer within ${TIMEOUT_MS / 1000} s for ${what}`)
        sent.destroy()
      })
      sent.on('error', () => settle(0))
      sent.end(bytes)
    })

  /** Bytes that are no HTTP at all. */
  const garbage = () =>
    new Promise<void>((resolve) => {
      const socket = connect({ host: hostname, port: Number(port), ca, cert, key })
      const texts = [
        'GET / HTTP/9.9\r\n\r\n',
        'POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n',
        'POST /api HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
        '\u0000\u0001\u0002\r\n\r\n',
        'GET /\u0000 HTTP/1.1\r\nHost: x\r\n\r\n',
        'GET /api/v1/pods HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
      ]
      let text = ''
      const end = () => {
        report.requests += 1
        const status = Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0)
        report.statuses[status] = (report.statuses[status] ?? 0) + 1
        if (status >= 500) report.faults.push(`${status} for bytes that are no HTTP: ${text.slice(0, 200)}`)
        resolve()
      }
      socket.on('data', (data) => {
        text += data.toString()
      })
      socket.on('error', () => undefined)
      socket.on('close', end)
      socket.setTimeout(1000, () => socket.destroy())
      socket.on('secureConnect', () => socket.write(pick(texts)))
    })

  let left = options.requests
  await Promise.all(
    Array.from({ length: options.clients ?? 16 }, async () => {
      while (left > 0) {
        left -= 1
        if (random() < 0.002) await garbage()
        else await once()
      }
    }),
  )
  agent.destroy()
  return report
}

/** Only what Node refuses to send at all is encoded; the rest goes out as it is. */
function encodeUnsafe(path: string): string {
  return path.replace(/[^\x21-\x7e]/gu, (character) => encodeURIComponent(character))
}
