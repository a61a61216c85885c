import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { Node } from '@thresher/api/core/node'
import { kinds } from '@thresher/api/kinds'
import type { TypedKind } from '@thresher/api/kind'
import type { KubeObject } from '@thresher/api/meta'
import { ApiServer } from '@thresher/apiserver/api-server'
import { Security } from '@thresher/apiserver/auth/security'
import { ensurePki } from '@thresher/apiserver/pki/ensure'
import { SqliteStore } from '@thresher/apiserver/store/sqlite'
import { Client } from '@thresher/client/client'
import { runControllers } from '@thresher/client/controller'
import { controllersUser, startControllers } from '@thresher/controllers/controllers'
import { machineAdmission } from '@thresher/server/admission/admission'
import { TestGuest } from '@thresher/agent/compute/testing-guest'
import { openBackups } from '@thresher/agent/backup/backups'
import { noOpenVolumes, type OpenVolumes } from '@thresher/agent/storage/open-volumes'
import { openStorage, type HostStorage } from '@thresher/agent/storage/storage'
import { openLoopback } from '@thresher/agent/storage/testing'

/** The real server with its controllers and rights, and the storage of a node that acts with the rights of that node. */
export interface StorageCluster extends AsyncDisposable {
  /** With all rights. */
  client: Client
  storage: HostStorage
  /** The data folder of the agent. */
  root: string
  /** What was logged beyond information. */
  warnings: string[]
}

/** Start one with a node `here`. @param open what guests have open */
export async function startStorageCluster(open: OpenVolumes = noOpenVolumes): Promise<StorageCluster> {
  const warnings: string[] = []
  const stop = new AbortController()
  await using cleanup = new AsyncDisposableStack()
  const root = mkdtempSync(join(tmpdir(), 'thresher-storage-'))
  cleanup.defer(() => rmSync(root, { recursive: true, force: true }))
  const pki = await ensurePki(join(root, 'pki'), { names: [], addresses: [] })
  const store = await SqliteStore.open(join(root, 'store.db'))
  cleanup.defer(() => store.close())
  const security = new Security({ pki, serverUrl: 'https://127.0.0.1:1', onError: () => {} })
  cleanup.defer(() => security.stop())
  const api: ApiServer = new ApiServer({
    store,
    kinds: [...kinds, ...security.kinds.filter((kind) => !kinds.includes(kind))],
    authenticators: security.authenticators,
    authorizer: security.authorizer,
    admission: [...security.admission, ...machineAdmission(() => api.objects)],
    subresources: security.subresources,
    routes: security.routes,
    version: '0.0.0-test',
  })
  await api.start()
  cleanup.defer(() => api.close())
  await security.start(api.objects)
  const log = (level: string, message: string) => {
    if (level !== 'info') warnings.push(message)
  }
  cleanup.defer(() => stop.abort(new Error('the test is over')))
  const client = new Client(api.transport(controllersUser))
  await startControllers({ transport: api.transport(controllersUser), signal: stop.signal, log })
  await openLoopback(client)
  const nodes = client.resource(Node)
  await nodes.create({ metadata: { name: 'here', labels: { 'kubernetes.io/hostname': 'here' } }, spec: {} })
  const conditions = [{ type: 'Ready', status: 'True', reason: 'Up', lastHeartbeatTime: new Date().toISOString() }]
  await nodes.patch('here', undefined, { status: { conditions } }, 'merge', { subresource: 'status' })
  const storage = await openStorage({ root: join(root, 'agent'), node: 'here' })
  const user = { name: 'system:node:here', groups: ['system:nodes', 'system:authenticated'] }
  const backups = openBackups({
    node: 'here',
    driver: storage.driver,
    folder: join(root, 'backup'),
    user: { uid: process.getuid!(), gid: process.getgid!() },
  })
  await runControllers([...storage.controllers(open, backups.restore), ...backups.controllers()], {
    transport: api.transport(user),
    signal: stop.signal,
    component: 'thresher-agent',
    log,
  })
  const held = cleanup.move()
  return { client, storage, root: join(root, 'agent'), warnings, [Symbol.asyncDispose]: () => held.disposeAsync() }
}

/** However busy the machine is. */
const longestMs = 60_000

/** Resolves when an object, of the namespace `default` where its kind has one, is as it shall be. @throws with what it is, and what was logged */
export async function reached<O extends KubeObject>(
  { client, warnings }: Pick<StorageCluster, 'client' | 'warnings'>,
  kind: TypedKind<O>,
  name: string,
  is: (object: O | undefined) => boolean,
): Promise<O> {
  for (const end = Date.now() + longestMs; ;) {
    const object = await client
      .resource(kind)
      .get(name, kind.namespaced ? 'default' : undefined)
      .catch(() => undefined)
    if (is(object)) return object as O
    if (Date.now() > end)
      throw new Error(`not reached: ${JSON.stringify(object, undefined, 1)}\n${warnings.join('\n')}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** Commands of qemu-io on a claim's volume, as a guest has it; the claim is waited for. */
export async function onDisk(cluster: StorageCluster, claim: string, ...commands: string[]): Promise<void> {
  const { driver } = cluster.storage
  const { spec } = await reached(cluster, PersistentVolumeClaim, claim, (one) => one?.status?.phase === 'Bound')
  const handle = spec.volumeName!
  const guest = await TestGuest.start({ [handle]: await driver.publish(handle) })
  try {
    await guest.io(handle, ...commands)
  } finally {
    await guest[Symbol.asyncDispose]()
    await driver.unpublish(handle)
  }
}
