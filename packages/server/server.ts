import { randomUUID } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { kinds } from '@thresher/api/kinds'
import { Node } from '@thresher/api/core/node'
import { managementNetwork } from '@thresher/api/management-network'
import { ApiServer } from '@thresher/apiserver/api-server'
import { AuditFile, type AuditOutage } from '@thresher/apiserver/audit/audit-file'
import { AuditLog } from '@thresher/apiserver/audit/audit-log'
import { Security } from '@thresher/apiserver/auth/security'
import { requireSameCluster } from '@thresher/apiserver/cluster-identity'
import { ensureKeyFile } from '@thresher/apiserver/encryption/key-file'
import { ValueCipher } from '@thresher/apiserver/encryption/value-cipher'
import { HttpServer } from '@thresher/apiserver/http-server'
import { maintenanceRoutes } from '@thresher/apiserver/maintenance/maintenance-routes'
import { FairLimiter } from '@thresher/apiserver/limits/fair-limiter'
import { dnsNamesOf, ensurePki } from '@thresher/apiserver/pki/ensure'
import { renewCertificates } from '@thresher/apiserver/pki/renewal'
import { makePrivateDirectory } from '@thresher/apiserver/pki/private-file'
import { watchSocketRoute } from '@thresher/apiserver/watch-socket'
import { Client } from '@thresher/client/client'
import { machineAdmission } from './admission/admission.ts'
import { controllersUser, leadControllers, startControllers } from '@thresher/controllers/controllers'
import { networkController } from '@thresher/controllers/network/network'
import { agentDialer } from './subresources/agent-dialer.ts'
import { imageSubresources, passUpload } from './subresources/image-files.ts'
import { kubevirtSubresources } from './subresources/subresources.ts'
import { references } from './admission/references.ts'
import { authorityRoute } from './authority-route.ts'
import { authority, hostAddresses, hostNames, reachable } from './addresses.ts'
import { writeBootstrap, writeFirstAdministrator, writeReady } from './bootstrap.ts'
import type { ServerConfig } from './config.ts'
import { dashboardRoutes } from './dashboard/dashboard.ts'
import { facadeRoutes } from './facade/routes.ts'
import { clusterOf, rememberStore, requireKnownStore } from './known-store.ts'
import { log } from './log.ts'
import { followManagementRole } from './management-role.ts'
import { openStore } from './open-store.ts'
import { seedSettings } from './seed-settings.ts'
import { resourceMetricsRoute } from './usage/prometheus.ts'
import { resourceMetrics } from './usage/resource-metrics.ts'
import { usageSubresources } from './usage/usage-subresources.ts'
import manifest from './package.json' with { type: 'json' }

/** A running server. */
export interface Server {
  url: string
  close(): Promise<void>
}

/**
 * Put the server together: store, security, API, controllers. Resolves when it answers requests.
 *
 * @throws {Error} when the port is taken or the store cannot be opened
 */
export async function startServer(config: ServerConfig): Promise<Server> {
  const stopping = new AbortController()
  const cleanup = new AsyncDisposableStack()
  try {
    await makePrivateDirectory(config.dataDir)
    const url = `https://${authority(reachable(config.listen.host), config.listen.port)}`
    const pkiDir = join(config.dataDir, 'pki')
    const identity = () => ({
      names: [...hostNames(), ...config.names.filter((name) => !isAddress(name))],
      addresses: [...hostAddresses(), ...config.names.filter(isAddress)],
    })
    // With etcd the store is elsewhere, and knows its cluster by itself.
    const isEmbedded = config.etcd.length === 0
    if (isEmbedded) requireKnownStore(config.dataDir, config.cluster)
    const pki = await ensurePki(pkiDir, identity())
    const keyFile = join(config.dataDir, 'encryption.key')
    const cipher = new ValueCipher(await ensureKeyFile(keyFile))
    const store = await openStore(config, { transform: cipher })
    cleanup.defer(() => store.close())
    await requireSameCluster(store, pki)
    if (isEmbedded) await rememberStore(config.dataDir, clusterOf(pki.ca.cert))
    const auditFile = new AuditFile(join(config.dataDir, 'audit.log'), {}, logOutage)
    cleanup.defer(() => auditFile.close())
    const security = new Security({
      pki,
      serverUrl: url,
      serverNames: dnsNamesOf(pki.server.cert),
      onError: (error) => log('warn', `security: ${String(error)}`),
    })
    cleanup.defer(() => security.stop())
    const dialer = agentDialer({
      ca: pki.ca.cert,
      cert: pki.agentClient.cert,
      key: pki.agentClient.key,
      node: (name) => api.objects.get<Node>(Node, '', name),
    })
    cleanup.defer(() => dialer.close())
    const api: ApiServer = new ApiServer({
      store,
      kinds: [...kinds, ...security.kinds.filter((kind) => !kinds.includes(kind))],
      authenticators: security.authenticators,
      authorizer: security.authorizer,
      admission: [
        ...security.admission,
        references(security.authorizer, () => api.objects),
        ...machineAdmission(() => api.objects),
      ],
      subresources: [
        ...security.subresources,
        ...kubevirtSubresources(() => ({ client, dialer })),
        ...imageSubresources(() => ({ client, dialer })),
        ...usageSubresources(() => ({ client, dialer })),
        ...resourceMetrics(() => ({ client, dialer })),
      ],
      routes: [
        ...security.routes,
        watchSocketRoute(() => api),
        authorityRoute(pki.ca.cert),
        ...dashboardRoutes({ users: security.users, tokens: security.tokens, objects: () => api.objects }),
        resourceMetricsRoute(() => ({ client, dialer })),
        ...maintenanceRoutes({ store, cipher, keyFile, backupDir: join(config.dataDir, 'backups') }),
        ...facadeRoutes({
          server: () => api,
          authorizer: security.authorizer,
          users: security.users,
          tokens: security.tokens,
          ca: pki.ca.cert,
          uploadImage: (call) => passUpload(call, { client, dialer }),
        }),
      ],
      version: manifest.version,
      audit: new AuditLog(auditFile),
      limiter: new FairLimiter(),
      onFault: (message) => log('error', message),
      onSlow: ({ method, path, ...rest }) => log('warn', `slow: ${method} ${path}`, rest),
    })
    const transport = api.transport(controllersUser)
    const client = new Client(transport)
    await api.start()
    cleanup.defer(() => api.close())
    await security.start(api.objects, (first) => writeFirstAdministrator(config.dataDir, first))
    cleanup.defer(followManagementRole(api.objects, config.nodeName, (error) => log('warn', String(error))))
    await seedSettings(api.objects, process.env)
    const http = await HttpServer.listen(api, { ...pki.server, ca: pki.ca.cert }, config.listen)
    cleanup.defer(() => http.close())
    const bootstrap = { dataDir: config.dataDir, nodeName: config.nodeName, serverUrl: url }
    cleanup.defer(
      renewCertificates({
        dir: pkiDir,
        current: pki,
        identity,
        onServer: (server) => http.setCertificate({ ...server, ca: pki.ca.cert }),
        onLook: async (renewed) => {
          dialer.setCertificate(renewed.agentClient)
          await writeBootstrap({ ...bootstrap, pki: renewed })
        },
        onError: (error) => log('warn', `the certificates could not be renewed: ${String(error)}`),
      }),
    )
    await writeBootstrap({ ...bootstrap, pki })
    const controllers = {
      transport,
      signal: stopping.signal,
      log,
      more: [
        networkController({
          endpoints: [`unix:${join(config.runDir, 'network', 'nb.sock')}`],
          network: managementNetwork({ subnet: config.guestSubnet }),
        }),
      ],
    }
    // Alone on its store a server leads without asking, which saves the writes of a lease.
    if (!store.shared) await startControllers(controllers)
    else void leadControllers({ ...controllers, identity: await serverIdentity(config) }).catch(onLost)
    cleanup.defer(() => stopping.abort(new Error(stoppingMessage)))
    await writeReady(config.dataDir)
    log('info', `ready at ${url}`)
    return { url, close: () => cleanup.disposeAsync() }
  } catch (error) {
    stopping.abort(error)
    await cleanup.disposeAsync()
    throw error
  }
}

/** Who this server is among those of the cluster: the same after a restart, so that a leader leads on at once. */
async function serverIdentity({ dataDir, nodeName }: ServerConfig): Promise<string> {
  const path = join(dataDir, 'server-id')
  try {
    await writeFile(path, randomUUID(), { flag: 'wx', mode: 0o600 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  return `${nodeName}_${(await readFile(path, 'utf8')).trim()}`
}

/** What is not written down must at least be known. */
function logOutage(outage: AuditOutage): void {
  if ('began' in outage) log('error', `the audit log cannot be written, lines are lost: ${String(outage.began)}`)
  else log('warn', `the audit log is written again; ${outage.ended} lines were lost`)
}

/** Without controllers a server is half a server: end, and let the next start try again. */
function onLost(error: unknown): void {
  if (error instanceof Error && error.message === stoppingMessage) return
  log('error', `the controllers ended: ${String(error)}`)
  process.exit(1)
}

const stoppingMessage = 'the server is stopping'
const isAddress = (name: string) => /^[\d.]+$/.test(name) || name.includes(':')
