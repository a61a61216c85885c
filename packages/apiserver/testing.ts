import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Kind } from '@thresher/api/kind'
import { ApiServer, type ApiServerOptions } from './api-server.ts'
import { X509Authenticator } from './auth/x509.ts'
import { HttpServer } from './http-server.ts'
import type { InProcessTransport } from './in-process-transport.ts'
import { ensurePki, issueAdminCertificate, issueClientCertificate, type Pki } from './pki/ensure.ts'
import { writeKubeconfig } from './pki/kubeconfig.ts'
import { SqliteStore } from './store/sqlite.ts'
import type { Store } from './store/store.ts'
import type { Authorizer, User } from './user.ts'

/** Lets members of system:masters do everything and nobody else anything. */
const mastersOnly: Authorizer = {
  authorize: ({ user }) => ({ verdict: user.groups.includes('system:masters') ? 'allow' : 'no-opinion' }),
}

/** The user as whom tests act. */
export const admin: User = { name: 'admin', groups: ['system:masters', 'system:authenticated'] }

export type TestServerOptions = Partial<Omit<ApiServerOptions, 'kinds'>> & {
  kinds: Kind[]
  /** Namespaces that are there from the start; `default` unless said. None are made when the kind Namespace is not served. */
  namespaces?: string[]
  /** Keep the data here, for tests of restarts; otherwise it goes with the server. */
  directory?: string
  port?: number
}

/** A running API server for tests. */
export interface TestServer extends AsyncDisposable {
  api: ApiServer
  http: HttpServer
  store: Store
  pki: Pki
  /** `https://127.0.0.1:port` */
  url: string
  /** A kubeconfig file of the administrator. */
  kubeconfig: string
  directory: string
  /** The in-process transport of an administrator, or of this user. */
  transport(user?: User): InProcessTransport
  /** A client certificate and key for this user. */
  certificate(user: Pick<User, 'name' | 'groups'>): { cert: string; key: string }
  close(): Promise<void>
}

/**
 * Start a whole API server on a free port of loopback, with a SQLite store and an authority of its own.
 *
 * ```ts
 * await using server = await startTestServer({ kinds: [Namespace, ConfigMap] })
 * await server.transport().request({ method: 'GET', path: '/api/v1/namespaces' })
 * ```
 * Members of system:masters may do everything, others nothing, unless an authorizer is given.
 */
export async function startTestServer(options: TestServerOptions): Promise<TestServer> {
  const { kinds, namespaces = ['default'], port = 0, directory: kept, ...rest } = options
  const directory = kept ?? (await mkdtemp(join(tmpdir(), 'thresher-api-')))
  const pki = await ensurePki(join(directory, 'pki'), { names: [], addresses: [] })
  const store = rest.store ?? (await SqliteStore.open(join(directory, 'store.db')))
  const api = new ApiServer({
    authenticators: [new X509Authenticator()],
    authorizer: mastersOnly,
    admission: [],
    subresources: [],
    routes: [],
    version: '0.0.0-test',
    ...rest,
    store,
    kinds,
  })
  await api.start()
  const http = await HttpServer.listen(api, { ...pki.server, ca: pki.ca.cert }, { port, host: '127.0.0.1' })
  const url = `https://127.0.0.1:${http.port}`
  const kubeconfig = join(directory, 'admin.kubeconfig')
  await writeKubeconfig(kubeconfig, { server: url, ca: pki.ca.cert, name: 'test', ...issueAdminCertificate(pki.ca) })
  for (const name of kinds.some((kind) => kind.plural === 'namespaces') ? namespaces : []) {
    if (api.registry.cache({ group: '', plural: 'namespaces' })?.get(name)) continue
    await api.transport(admin).request({ method: 'POST', path: '/api/v1/namespaces', body: { metadata: { name } } })
  }
  let closed = false
  const close = async () => {
    if (closed) return
    closed = true
    await api.close()
    await http.close()
    if (!rest.store) await store.close()
    if (!kept) await rm(directory, { recursive: true, force: true })
  }
  return {
    api,
    http,
    store,
    pki,
    url,
    kubeconfig,
    directory,
    transport: (user = admin) => api.transport(user),
    certificate: ({ name, groups }) => issueClientCertificate(pki.ca, { name, groups }),
    close,
    [Symbol.asyncDispose]: close,
  }
}
