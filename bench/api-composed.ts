import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { issueClientCertificate } from '@thresher/apiserver/pki/ensure'
import { httpsTransport } from '@thresher/client/node/https-transport'
import { loadKubeconfig } from '@thresher/client/node/kubeconfig'
import { Sample } from './api-shapes.ts'
import type { Target } from './api-watch.ts'

/** The whole server in a process of its own, started as the product starts it. */
export interface Composed {
  pid: number
  target: Target
  stop: () => Promise<void>
}

const open = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }

/**
 * Start the server with everything in it: RBAC, audit log, limits, encryption, controllers.
 *
 * The benchmark's kind is installed as a CustomResourceDefinition. Requests are those of the administrator, or of a user
 * whom a role of the namespace allows the kind.
 */
export async function startComposed(directory: string, as: 'admin' | 'user', profile?: string): Promise<Composed> {
  const dataDir = join(directory, 'server')
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const listen = `127.0.0.1:${await freePort()}`
  const main = join(import.meta.dirname, '..', 'packages', 'server', 'main.ts')
  const flags = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=1']
  if (profile) flags.push('--cpu-prof', '--cpu-prof-dir', profile)
  const child = spawn(
    process.execPath,
    [...flags, main, '--data-dir', dataDir, '--run-dir', join(directory, 'run'), '--listen', listen],
    {
      env: {
        ...process.env,
        MALLOC_ARENA_MAX: '1',
        MALLOC_TRIM_THRESHOLD_: '65536',
        NODE_COMPILE_CACHE: join(dataDir, 'compiled'),
      },
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  )
  const ended = new Promise<void>((resolve) => void child.once('exit', () => resolve()))
  const stop = async () => {
    child.kill('SIGTERM')
    await ended
  }
  try {
    const ready = join(dataDir, 'bootstrap', 'ready')
    await retry(() => readFileSync(ready))
    const kubeconfig = loadKubeconfig(join(dataDir, 'bootstrap', 'admin.kubeconfig'))
    const transport = httpsTransport(kubeconfig)
    const post = (path: string, body: unknown) => transport.request({ method: 'POST', path, body })
    await post('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition())
    await retry(() => transport.request({ method: 'GET', path: `/apis/${Sample.group}/${Sample.version}/samples` }))
    const ca = String(kubeconfig.ca)
    const admin = { cert: String(kubeconfig.cert), key: String(kubeconfig.key) }
    const url = `https://${listen}`
    if (as === 'admin') return { pid: child.pid!, target: { url, ca, ...admin }, stop }
    const rbac = '/apis/rbac.authorization.k8s.io/v1/namespaces/default'
    const rules = [{ apiGroups: [Sample.group], resources: ['samples'], verbs: ['*'] }]
    await post(`${rbac}/roles`, { metadata: { name: 'bench' }, rules })
    await post(`${rbac}/rolebindings`, {
      metadata: { name: 'bench' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'bench' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'bench' }],
    })
    const authority = { cert: ca, key: readFileSync(join(dataDir, 'pki', 'ca.key'), 'utf8') }
    const user = issueClientCertificate(authority, { name: 'bench', groups: [] })
    return { pid: child.pid!, target: { url, ca, ...user }, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function definition(): unknown {
  const { group, version, kind, plural } = Sample
  const schema = { openAPIV3Schema: { type: 'object', properties: { spec: open, status: open } } }
  return {
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
      versions: [{ name: version, served: true, storage: true, schema }],
    },
  }
}

/** Until it works, for half a minute at most. */
async function retry<T>(attempt: () => T | Promise<T>): Promise<T> {
  const until = Date.now() + 30_000
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (Date.now() > until) throw error
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}
