import { Namespace } from '@thresher/api/core/namespace'
import { Node } from '@thresher/api/core/node'
import { kinds } from '@thresher/api/kinds'
import { machineManifest } from '@thresher/api/kubevirt/machine-manifest'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import type { CurrentUsage, HostUsage, UsageHistory } from '@thresher/api/metrics/usage'
import { Security } from '@thresher/apiserver/auth/security'
import { kubectlFor, type Kubectl } from '@thresher/apiserver/kubectl'
import { ensurePki } from '@thresher/apiserver/pki/ensure'
import { startTestServer, type TestServer } from '@thresher/apiserver/testing'
import { Client } from '@thresher/client/client'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sumOf } from './combine.ts'
import { resourceMetricsRoute } from './prometheus.ts'
import { resourceMetrics } from './resource-metrics.ts'
import { usageSubresources } from './usage-subresources.ts'

const values = (cpu: number, memory = 2 ** 30) => ({
  cpu,
  memory,
  diskRead: 10,
  diskWrite: 20,
  networkReceive: 30,
  networkTransmit: 40,
})
const current = (cpu: number): CurrentUsage => ({
  atMs: Date.UTC(2030, 0, 1),
  rates: values(cpu),
  counters: values(1000 * cpu),
})
const machine = (namespace: string, name: string) => ({
  namespace,
  name,
  pod: `virt-launcher-${name}-abcde`,
  cpus: 2,
  guestBytes: 2 ** 31,
  usage: current(0.25),
})

const nowSeconds = Math.floor(Date.now() / 30_000) * 30
const past = (cpu: (number | null)[], startSeconds = nowSeconds - 60): UsageHistory => ({
  startSeconds,
  stepSeconds: 30,
  series: { cpu, memory: cpu, diskRead: cpu, diskWrite: cpu, networkReceive: cpu, networkTransmit: cpu },
})

/** What the agents of the hosts say; `ill` does not answer in the form that is agreed. */
const answers: Record<string, Record<string, unknown>> = {
  'node-1': {
    '/usage': { host: current(1.5), machines: [machine('default', 'web'), machine('other', 'db')] } satisfies HostUsage,
    '/usage/history?minutes=60': past([1, 2, 3]),
    '/usage/history?minutes=60&namespace=default&name=web': past([5, 6, null]),
  },
  'node-2': {
    '/usage': { host: current(0.5), machines: [] } satisfies HostUsage,
    '/usage/history?minutes=60': past([10, null, null]),
    '/usage/history?minutes=60&namespace=default&name=web': past([null, null, 7]),
  },
  ill: { '/usage': { machines: 'many' } },
}
const dialer = {
  request: (node: string, _method: string, path: string) => {
    const body = answers[node]?.[path]
    return Promise.resolve(body ? { status: 200, body } : { status: 404, body: {} })
  },
  stream: () => Promise.reject(new Error('no images')),
  upgrade: () => Promise.resolve(),
  close: () => {},
}

let server: TestServer
let client: Client
let kubectl: Kubectl
const cleanup = new AsyncDisposableStack()
afterAll(() => cleanup.disposeAsync())

beforeAll(async () => {
  const directory = await mkdtemp(join(tmpdir(), 'usage-'))
  cleanup.defer(() => rm(directory, { recursive: true, force: true }))
  const pki = await ensurePki(join(directory, 'pki'), { names: ['localhost'], addresses: ['127.0.0.1'] })
  const security = new Security({ pki, serverUrl: 'https://127.0.0.1', onError: () => {} })
  cleanup.defer(() => security.stop())
  const tools = () => ({ client, dialer })
  server = await startTestServer({
    kinds: [...kinds, ...security.kinds.filter((kind) => !kinds.includes(kind))],
    directory,
    authenticators: security.authenticators,
    authorizer: security.authorizer,
    subresources: [...security.subresources, ...usageSubresources(tools), ...resourceMetrics(tools)],
    routes: [...security.routes, resourceMetricsRoute(tools)],
  })
  cleanup.defer(() => server.close())
  client = new Client(server.transport())
  await security.start(server.api.objects)
  await client.resource<Namespace>(Namespace).create({ metadata: { name: 'other' }, spec: {} } as Namespace)
  const nodes = client.resource<Node>(Node)
  for (const name of Object.keys(answers)) {
    const made = await nodes.create({ metadata: { name, labels: { host: name } }, spec: {} })
    const allocatable = { cpu: '4', memory: '8Gi' }
    await nodes.updateStatus({
      ...made,
      status: { conditions: [{ type: 'Ready', status: 'True' }], allocatable, capacity: allocatable },
    } as Node)
  }
  const manifest = { namespace: 'default', cpus: 1, memory: '1Gi', disk: '1Gi', keys: [], efi: false }
  await client
    .resource<VirtualMachine>(VirtualMachine)
    .create(machineManifest({ ...manifest, name: 'web', runStrategy: 'Halted' }) as unknown as VirtualMachine)
  kubectl = await kubectlFor(server.kubeconfig)
  cleanup.use(kubectl)
}, 30_000)

const get = (path: string, user?: { name: string; groups: string[] }) =>
  server.transport(user).request<Record<string, unknown>>({ method: 'GET', path })
const usage = '/apis/metrics.thresher.io/v1'

describe('usage', () => {
  test('now is that of all hosts that answer, and of the machines in a namespace', async () => {
    expect(await get(`${usage}/nodes`)).toMatchObject({
      kind: 'NodeUsageList',
      items: [{ metadata: { name: 'node-1' }, rates: { cpu: 1.5 } }, { metadata: { name: 'node-2' } }],
    })
    expect(await get(`${usage}/namespaces/default/virtualmachines`)).toMatchObject({
      items: [{ metadata: { namespace: 'default', name: 'web' }, node: 'node-1', cpus: 2, rates: { cpu: 0.25 } }],
    })
    expect(((await get(`${usage}/virtualmachines`))['items'] as unknown[]).length).toBe(2)
    await expect(get(`${usage}/namespaces/default/virtualmachines/none`)).rejects.toMatchObject({ reason: 'NotFound' })
  })

  test('over time is the sum of the hosts, and for a machine what each host that had it knows', async () => {
    expect(await get(`${usage}/clusterhistory`)).toMatchObject({ stepSeconds: 30, series: { cpu: [11, 2, 3] } })
    expect(await get(`${usage}/nodes/node-2/history`)).toMatchObject({ series: { cpu: [10, null, null] } })
  })

  test('of a machine begins with the machine: who had its name before is not shown', async () => {
    // Made just now: the steps before are somebody else's.
    const found = await get(`${usage}/namespaces/default/virtualmachines/web/history`)
    const { cpu } = (found as unknown as UsageHistory).series
    expect(cpu).toHaveLength(3)
    expect(cpu[0]).toBeNull()
    expect(cpu.at(-1)).toBe(7)
  })

  test('cannot be asked for longer than a day, nor of what is not there', async () => {
    for (const minutes of ['0', '1441', 'x', '1.5'])
      await expect(get(`${usage}/clusterhistory?minutes=${minutes}`)).rejects.toMatchObject({ reason: 'BadRequest' })
    await expect(get(`${usage}/nodes/none/history`)).rejects.toMatchObject({ reason: 'NotFound' })
  })

  test('is for those who may see it: a viewer of a namespace sees its machines, no host and no scrape', async () => {
    const body = {
      metadata: { name: 'look', namespace: 'default' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
      subjects: [{ kind: 'User', name: 'eve', apiGroup: 'rbac.authorization.k8s.io' }],
    }
    const path = '/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings'
    await server.transport().request({ method: 'POST', path, body })
    const eve = { name: 'eve', groups: ['system:authenticated'] }
    await expect
      .poll(() => get(`${usage}/namespaces/default/virtualmachines`, eve).then(({ kind }) => kind, String))
      .toBe('VirtualMachineUsageList')
    await get(`${usage}/namespaces/default/virtualmachines/web/history`, eve)
    await get('/apis/metrics.k8s.io/v1beta1/namespaces/default/pods', eve)
    for (const closed of [
      `${usage}/namespaces/other/virtualmachines`,
      `${usage}/virtualmachines`,
      `${usage}/nodes`,
      `${usage}/nodes/node-1/history`,
      `${usage}/clusterhistory`,
      '/apis/metrics.k8s.io/v1beta1/nodes',
      '/apis/metrics.k8s.io/v1beta1/namespaces/other/pods',
      '/metrics/resource',
      '/metrics',
    ])
      await expect(get(closed, eve), closed).rejects.toMatchObject({ reason: 'Forbidden' })
  })
})

describe('kubectl', () => {
  test('top shows nodes and pods', async () => {
    const nodes = await kubectl('top', 'nodes')
    expect(nodes.stderr).not.toContain('error')
    expect(nodes.stdout).toMatch(/^node-1 +1500m +37% +1024Mi +12% *$/m)
    const pods = await kubectl('top', 'pods', '-A')
    expect(pods.stdout).toMatch(/^other +virt-launcher-db-abcde +250m +1024Mi *$/m)
  })

  test('api-resources lists what is measured', async () => {
    const { stdout } = await kubectl('api-resources', '--api-group', 'metrics.k8s.io')
    expect(stdout).toMatch(/^nodes .*NodeMetrics/m)
    expect(stdout).toMatch(/^pods .*true +PodMetrics/m)
    const one = await kubectl('get', 'nodes.metrics.k8s.io', 'node-1', '-o', 'jsonpath={.usage.cpu} {.window}')
    expect(one.stdout).toBe('1500000000n 30s')
  })
})

test('Prometheus reads hosts and machines by the names that dashboards for KubeVirt know', async () => {
  const text = (await server.transport().request({ method: 'GET', path: '/metrics/resource' })) as unknown as string
  expect(text).toContain('# TYPE kubevirt_vmi_cpu_usage_seconds_total counter\n')
  expect(text).toContain('kubevirt_vmi_cpu_usage_seconds_total{node="node-1",namespace="default",name="web"} 250\n')
  expect(text).toContain('node_memory_working_set_bytes{node="node-2"} 1073741824\n')
  for (const line of text.trim().split('\n'))
    expect(line).toMatch(/^(# (HELP|TYPE) \w+ .+|[a-z_]+\{(\w+="[^"]*",?)+\} [\d.e+]+)$/)
})

test('hosts whose rings have moved on by a step are laid over each other where they meet', () => {
  const total = sumOf([past([1, 2, 3], 900), past([10, 20, 30], 930)])
  expect(total).toMatchObject({ startSeconds: 930, series: { cpu: [12, 23] } })
  expect(sumOf([])).toBeUndefined()
})
