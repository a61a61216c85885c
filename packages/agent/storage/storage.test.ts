import { createHash } from 'node:crypto'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Event } from '@thresher/api/core/event'
import { Node } from '@thresher/api/core/node'
import { PersistentVolume } from '@thresher/api/core/persistent-volume'
import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import type { TypedKind } from '@thresher/api/kind'
import { kinds } from '@thresher/api/kinds'
import type { KubeObject } from '@thresher/api/meta'
import { ApiServer } from '@thresher/apiserver/api-server'
import { Security } from '@thresher/apiserver/auth/security'
import { ensurePki } from '@thresher/apiserver/pki/ensure'
import { SqliteStore } from '@thresher/apiserver/store/sqlite'
import { Client } from '@thresher/client/client'
import { runControllers } from '@thresher/client/controller'
import { controllersUser, startControllers } from '@thresher/controllers/controllers'
import { HttpServer } from '@thresher/lab/http-server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { noOpenVolumes } from './open-volumes.ts'
import { openStorage } from './storage.ts'
import { openLoopback } from './testing.ts'

const MiB = 1024 * 1024
const warnings: string[] = []
const stop = new AbortController()
const cleanup = new AsyncDisposableStack()

let root: string
let client: Client
let web: HttpServer

/** The real server with its controllers and rights, and the storage of a node that acts with the rights of that node. */
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'thresher-storage-'))
  cleanup.defer(() => rmSync(root, { recursive: true, force: true }))
  web = cleanup.use(await HttpServer.start())
  const pki = await ensurePki(join(root, 'pki'), { names: [], addresses: [] })
  const store = await SqliteStore.open(join(root, 'store.db'))
  cleanup.defer(() => store.close())
  const security = new Security({ pki, serverUrl: 'https://127.0.0.1:1', onError: () => {} })
  cleanup.defer(() => security.stop())
  const api = new ApiServer({
    store,
    kinds: [...kinds, ...security.kinds.filter((kind) => !kinds.includes(kind))],
    authenticators: security.authenticators,
    authorizer: security.authorizer,
    admission: security.admission,
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
  cleanup.defer(() => stop.abort())
  client = new Client(api.transport(controllersUser))
  await startControllers({ transport: api.transport(controllersUser), signal: stop.signal, log })
  await openLoopback(client)
  const nodes = client.resource(Node)
  await nodes.create({ metadata: { name: 'here', labels: { 'kubernetes.io/hostname': 'here' } }, spec: {} })
  const conditions = [{ type: 'Ready', status: 'True', reason: 'Up', lastHeartbeatTime: new Date().toISOString() }]
  await nodes.patch('here', undefined, { status: { conditions } }, 'merge', { subresource: 'status' })
  const storage = await openStorage({ root: join(root, 'agent'), node: 'here' })
  const user = { name: 'system:node:here', groups: ['system:nodes', 'system:authenticated'] }
  await runControllers(storage.controllers(noOpenVolumes), {
    transport: api.transport(user),
    signal: stop.signal,
    component: 'thresher-agent',
    log,
  })
}, 60_000)

afterAll(() => cleanup.disposeAsync())

async function until<O extends KubeObject>(
  kind: TypedKind<O>,
  name: string,
  is: (object: O | undefined) => boolean,
): Promise<O> {
  const end = Date.now() + 15_000
  for (;;) {
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

function claim(name: string, storageClassName: string, storage: string): Promise<PersistentVolumeClaim> {
  return client.resource(PersistentVolumeClaim).create({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace: 'default', annotations: { 'volume.kubernetes.io/selected-node': 'here' } },
    spec: {
      storageClassName,
      accessModes: ['ReadWriteOnce'],
      volumeMode: 'Block',
      resources: { requests: { storage } },
    },
  })
}

const isBound = (object: PersistentVolumeClaim | undefined) => object?.status?.phase === 'Bound'

describe('with the server and its controllers, and no more rights than a node has', () => {
  it('an image is imported, a volume made from it, grown, deleted, and the image after it', async () => {
    const raw = join(root, 'given.raw')
    execFileSync('qemu-img', ['create', '-q', '-f', 'raw', raw, '8M'])
    const content = readFileSync(raw)
    const checksum = createHash('sha512').update(content).digest('hex')
    const spec = { displayName: 'given', sourceType: 'download' as const, url: web.serve('/given', content), checksum }
    await client
      .resource(VirtualMachineImage)
      .create({ metadata: { name: 'given', namespace: 'default' }, spec } as never)
    const image = await until(VirtualMachineImage, 'given', (one) => one?.status?.progress === 100)
    expect(image.status).toMatchObject({
      size: 8 * MiB,
      virtualSize: 8 * MiB,
      storageClassName: `lh-${image.metadata.uid}`,
    })

    await claim('root', image.status!.storageClassName!, '16Mi')
    const bound = await until(PersistentVolumeClaim, 'root', isBound)
    expect(bound.status?.capacity).toEqual({ storage: '16Mi' })

    await client
      .resource(PersistentVolumeClaim)
      .patch('root', 'default', { spec: { resources: { requests: { storage: '32Mi' } } } })
    await until(PersistentVolumeClaim, 'root', (one) => one?.status?.capacity?.['storage'] === '32Mi')
    const volume = await client.resource(PersistentVolume).get(bound.spec.volumeName!)
    expect(volume.spec.capacity).toEqual({ storage: '32Mi' })

    await client.resource(VirtualMachineImage).delete('given', 'default')
    await client.resource(PersistentVolumeClaim).delete('root', 'default')
    await until(PersistentVolume, volume.metadata.name!, (one) => one === undefined)
    await until(VirtualMachineImage, 'given', (one) => one === undefined)
    expect(readdirSync(join(root, 'agent/volumes'))).toEqual([])
    expect(readdirSync(join(root, 'agent/images'))).toEqual([])
  }, 40_000)

  it('a volume that cannot be is refused in words on the claim', async () => {
    await claim('huge', 'local', '4Pi')
    const refused = await until(PersistentVolumeClaim, 'huge', (one) => (one?.status?.conditions ?? []).length > 0)
    expect(refused.status?.conditions?.[0]).toMatchObject({ type: 'Provisioned', status: 'False', reason: 'NoSpace' })
    // Events are written beside the condition, not before it.
    await expect
      .poll(async () => (await client.resource(Event).list({ namespace: 'default' })).items.map(({ reason }) => reason))
      .toContain('ProvisioningFailed')
    expect(warnings.filter((words) => words.includes('local-'))).toEqual([])
  })
})
