import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Event } from '@thresher/api/core/event'
import { PersistentVolume } from '@thresher/api/core/persistent-volume'
import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import type { TypedKind } from '@thresher/api/kind'
import type { KubeObject } from '@thresher/api/meta'
import { allocatedBytesAnnotation, spaceAnnotations } from '@thresher/api/names'
import { parseBytes } from '@thresher/api/quantity'
import { CSIStorageCapacity } from '@thresher/api/storage/csi-storage-capacity'
import type { Client } from '@thresher/client/client'
import { HttpServer } from '@thresher/lab/http-server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { reached, startStorageCluster, type StorageCluster } from './storage-cluster.ts'

const MiB = 1024 * 1024

let cluster: StorageCluster
let client: Client
let root: string
let warnings: string[]
let web: HttpServer

beforeAll(async () => {
  web = await HttpServer.start()
  cluster = await startStorageCluster()
  ;({ client, root, warnings } = cluster)
}, 60_000)

afterAll(async () => {
  await cluster[Symbol.asyncDispose]()
  await web[Symbol.asyncDispose]()
})

const until = <O extends KubeObject>(kind: TypedKind<O>, name: string, is: (object: O | undefined) => boolean) =>
  reached({ client, warnings }, kind, name, is)

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

    const early = client.resource(VirtualMachineImage).delete('given', 'default')
    await expect(early).rejects.toThrow('being used by volume default/root')
    await client.resource(PersistentVolumeClaim).delete('root', 'default')
    await until(PersistentVolume, volume.metadata.name!, (one) => one === undefined)
    await client.resource(VirtualMachineImage).delete('given', 'default')
    await until(VirtualMachineImage, 'given', (one) => one === undefined)
    expect(readdirSync(join(root, 'volumes'))).toEqual([])
    expect(readdirSync(join(root, 'images'))).toEqual([])
  }, 40_000)

  it('what may be promised and what a volume takes is reported', async () => {
    await claim('taking', 'local', '64Mi')
    const bound = await until(PersistentVolumeClaim, 'taking', isBound)
    const reported = await until(
      PersistentVolume,
      bound.spec.volumeName!,
      (one) => one?.metadata.annotations?.[allocatedBytesAnnotation] !== undefined,
    )
    expect(Number(reported.metadata.annotations![allocatedBytesAnnotation])).toBeGreaterThan(0)
    const capacity = await client.resource(CSIStorageCapacity).get('local-here', 'kube-system')
    expect(capacity).toMatchObject({
      storageClassName: 'local',
      nodeTopology: { matchLabels: { 'kubernetes.io/hostname': 'here' } },
    })
    const { totalBytes } = await cluster.storage.driver.room()
    const { [spaceAnnotations.total]: total, [spaceAnnotations.promised]: promised } = capacity.metadata.annotations!
    expect(Math.abs(Number(total) - totalBytes)).toBeLessThanOrEqual(16 * MiB)
    expect(Number(promised)).toBeGreaterThanOrEqual(64 * MiB)
    expect(parseBytes(capacity.capacity!)).toBeGreaterThan(0)
  })

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
