import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Event } from '@thresher/api/core/event'
import { PersistentVolume } from '@thresher/api/core/persistent-volume'
import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { ApiError } from '@thresher/api/error'
import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import { StorageClass } from '@thresher/api/storage/storage-class'
import { Client } from '@thresher/client/client'
import { runControllers, type Running } from '@thresher/client/controller'
import { MemoryTransport } from '@thresher/client/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ImageCopiesOptions, PeerFile } from './image-copies.ts'
import { noOpenVolumes, type OpenVolumes, type VolumeRef } from './open-volumes.ts'
import { openStorage, type HostStorage } from './storage.ts'

const MiB = 1024 * 1024

let root: string
let transport: MemoryTransport
let storage: HostStorage
let running: Running
let stop: AbortController
let peers: ImageCopiesOptions['fetchImage'] = () => Promise.reject(new Error('no peers'))

/** An image of so many MiB, as another host gives it out. */
function peerFile(mebibytes: number): PeerFile {
  const path = join(root, `peer-${mebibytes}.qcow2`)
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', path, `${mebibytes}M`])
  return { bytes: statSync(path).size, body: createReadStream(path) }
}
const guests: ChildProcess[] = []

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'thresher-claims-'))
  transport = new MemoryTransport()
  await startAgent()
  await classes().create({
    metadata: { name: 'local' },
    provisioner: 'local.thresher.io',
    allowVolumeExpansion: true,
    reclaimPolicy: 'Delete',
  })
})

afterEach(async () => {
  stop.abort()
  for (const guest of guests.splice(0)) {
    guest.kill('SIGKILL')
    await once(guest, 'exit')
  }
  rmSync(root, { recursive: true, force: true })
  expect(transport.bareWords).toEqual([])
})

async function startAgent(open: OpenVolumes = noOpenVolumes): Promise<void> {
  stop = new AbortController()
  storage = await openStorage({ root, node: 'here', fetchImage: (key, signal) => peers(key, signal) })
  running = await runControllers(storage.controllers(open), { transport, signal: stop.signal, component: 'agent' })
}

const client = () => new Client(transport)
const classes = () => client().resource(StorageClass)
const claims = () => client().resource(PersistentVolumeClaim)
const volumes = () => client().resource(PersistentVolume)
const files = () => readdirSync(join(root, 'volumes'))

type ClaimOptions = { name?: string; node?: string; annotations?: Record<string, string> } & Partial<
  PersistentVolumeClaim['spec']
>

function claim(size: string, more: ClaimOptions = {}) {
  const { name = 'root', node = 'here', annotations, ...spec } = more
  return claims().create({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name,
      namespace: 'default',
      annotations: { 'volume.kubernetes.io/selected-node': node, ...annotations },
    },
    spec: {
      storageClassName: 'local',
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: size } },
      ...spec,
    },
  })
}

/** Resolves when the agent has nothing to do and asks for nothing. */
async function quiet(): Promise<void> {
  for (let asked = -1; asked !== transport.requests.length;) {
    asked = transport.requests.length
    await new Promise((resolve) => setTimeout(resolve, 15))
    await running.idle()
  }
}

/** What the server's volume controller does: bind the claim to the volume that names it. */
async function bind(name = 'root'): Promise<PersistentVolume> {
  await quiet()
  const held = await claims().get(name, 'default')
  const volume = await volumes().get(`pvc-${held.metadata.uid}`)
  const bound = await claims().update({ ...held, spec: { ...held.spec, volumeName: volume.metadata.name } })
  await claims().updateStatus({ ...bound, status: { phase: 'Bound', capacity: volume.spec.capacity } })
  await quiet()
  return volume
}

async function until<T>(read: () => Promise<T>, is: (value: T) => boolean): Promise<T> {
  const end = Date.now() + 60_000
  for (;;) {
    const value = await read()
    if (is(value)) return value
    if (Date.now() > end) throw new Error(`not reached: ${JSON.stringify(value, undefined, 2)}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

const claimNow = () => claims().get('root', 'default')
const condition = (object: PersistentVolumeClaim, type: string) =>
  object.status?.conditions?.find((one) => one.type === type)

/** Put a finished image of 8 MiB on this host and into the API. */
async function image(name = 'debian', virtualSize = 8 * MiB, node = 'here'): Promise<VirtualMachineImage> {
  const made = await client()
    .resource(VirtualMachineImage)
    .create({
      metadata: {
        name,
        namespace: 'default',
        annotations: { 'thresher.io/import-node': node },
        finalizers: ['local.thresher.io/image'],
      },
      spec: { displayName: name, sourceType: 'upload' } as VirtualMachineImage['spec'],
      status: {},
    })
  execFileSync('qemu-img', [
    'create',
    '-q',
    '-f',
    'qcow2',
    join(root, `images/${made.metadata.uid}.qcow2`),
    String(virtualSize),
  ])
  const status = { progress: 100, virtualSize, conditions: [{ type: 'Imported', status: 'True' }] }
  await client()
    .resource(VirtualMachineImage)
    .updateStatus({ ...made, metadata: { ...made.metadata, resourceVersion: undefined }, status })
  return made
}

describe('a claim that chose this node', () => {
  it('gets a volume that only this node serves', async () => {
    const made = await claim('64Mi')
    await quiet()
    const id = `pvc-${made.metadata.uid}`
    expect(await volumes().get(id)).toMatchObject({
      metadata: { finalizers: ['local.thresher.io/volume'] },
      spec: {
        capacity: { storage: '64Mi' },
        accessModes: ['ReadWriteOnce'],
        persistentVolumeReclaimPolicy: 'Delete',
        storageClassName: 'local',
        claimRef: { namespace: 'default', name: 'root', uid: made.metadata.uid },
        csi: { driver: 'local.thresher.io', volumeHandle: id },
        nodeAffinity: {
          required: {
            nodeSelectorTerms: [
              { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['here'] }] },
            ],
          },
        },
      },
    })
    expect(await storage.driver.inspect(id)).toMatchObject({ bytes: 64 * MiB })
    expect(files()).toEqual([`${id}.qcow2`])
  })

  it('whose volume the API refuses says so in its words until it is taken', async () => {
    transport.interfere = ({ method, path }) => {
      if (method === 'POST' && path.endsWith('/persistentvolumes'))
        throw new ApiError('Forbidden', 'persistentvolumes is forbidden: not on this node')
    }
    await claim('8Mi')
    const shown = async () => (await claims().get('root', 'default')).status?.conditions ?? []
    await until(shown, (all) =>
      all.some(({ type, message }) => type === 'Synchronized' && /not on this/.test(message!)),
    )
    await running.context.events.flushed()
    const events = (await client().resource(Event).list()).items
    expect(events.map(({ reason, involvedObject }) => [reason, involvedObject.name])).toContainEqual([
      'FailedCreate',
      'root',
    ])
    transport.interfere = undefined
    await until(shown, (all) => all.every(({ type }) => type !== 'Synchronized'))
    expect((await volumes().list()).items).toHaveLength(1)
  }, 15_000)

  it('of another node, or of another provisioner, is left alone', async () => {
    await claim('64Mi', { node: 'there' })
    await classes().create({ metadata: { name: 'other' }, provisioner: 'else.example' })
    await claim('64Mi', { name: 'two', storageClassName: 'other' })
    await quiet()
    expect(files()).toEqual([])
  })

  it('with an image becomes an overlay on it', async () => {
    const from = await image()
    const made = await claim('64Mi', { annotations: { 'harvesterhci.io/imageId': 'default/debian' } })
    await quiet()
    expect(await storage.driver.inspect(`pvc-${made.metadata.uid}`)).toMatchObject({ image: from.metadata.uid })
    const volume = await volumes().get(`pvc-${made.metadata.uid}`)
    expect(volume.spec.csi?.volumeAttributes).toEqual({ imageId: 'default/debian' })
  })

  it('of an image’s class waits until the image is there', async () => {
    await classes().create({
      metadata: { name: 'lh-1' },
      provisioner: 'local.thresher.io',
      parameters: { imageId: 'default/debian' },
    })
    await claim('64Mi', { storageClassName: 'lh-1' })
    await quiet()
    expect(condition(await claimNow(), 'Provisioned')).toMatchObject({ status: 'False', reason: 'ImageMissing' })
    await image()
    await until(
      () => volumes().list(),
      ({ items }) => items.length === 1,
    )
    await bind()
    expect(condition(await claimNow(), 'Provisioned')).toBeUndefined()
  })

  it('smaller than its image says so in a condition and an event, and gets no volume', async () => {
    await image('big', 128 * MiB)
    await claim('64Mi', { annotations: { 'harvesterhci.io/imageId': 'default/big' } })
    await quiet()
    expect(condition(await claimNow(), 'Provisioned')).toMatchObject({
      status: 'False',
      reason: 'ImageTooLarge',
      message: expect.stringContaining('at least 128Mi'),
    })
    expect(files()).toEqual([])
    const events = await until(
      () => client().resource(Event).list(),
      ({ items }) => items.length > 0,
    )
    expect(events.items[0]).toMatchObject({
      type: 'Warning',
      reason: 'ProvisioningFailed',
      involvedObject: { name: 'root' },
    })
  })

  describe('with an image of another node', () => {
    const wanted = { annotations: { 'harvesterhci.io/imageId': 'default/far' } }
    const images = () => readdirSync(join(root, 'images'))
    /** An image that another node has imported. */
    async function farImage(): Promise<VirtualMachineImage> {
      const far = await image('far', 8 * MiB, 'there')
      rmSync(join(root, 'images', `${far.metadata.uid}.qcow2`))
      return far
    }

    it('says that it cannot be fetched, while it cannot, and leaves nothing of the try', async () => {
      peers = () => Promise.reject(new Error('the node there is not reachable'))
      await farImage()
      await claim('64Mi', wanted)
      await quiet()
      expect(condition(await claimNow(), 'Provisioned')).toMatchObject({
        reason: 'NotFound',
        message: expect.stringMatching(/image default\/far cannot be fetched.*there is not reachable/),
      })
      expect(images()).toEqual([])
    })

    it('has the image fetched once for all, and removed with the image', async () => {
      let fetched = 0
      peers = async () => {
        fetched++
        return peerFile(8)
      }
      const far = await farImage()
      await Promise.all([claim('64Mi', wanted), claim('64Mi', { ...wanted, name: 'second' })])
      await until(
        () => volumes().list(),
        ({ items }) => items.length === 2,
      )
      const made = await claimNow()
      expect(await storage.driver.inspect(`pvc-${made.metadata.uid}`)).toMatchObject({ image: far.metadata.uid })
      expect(fetched).toBe(1)
      for (const { metadata } of (await claims().list()).items) await storage.driver.delete(`pvc-${metadata.uid}`)
      const held = await client().resource(VirtualMachineImage).get('far', 'default')
      // The node that imported it lets it go.
      await client()
        .resource(VirtualMachineImage)
        .update({ ...held, metadata: { ...held.metadata, finalizers: [] } })
      await client().resource(VirtualMachineImage).delete('far', 'default')
      await until(
        async () => images(),
        (left) => left.length === 0,
      )
    })

    it('takes no file that broke off, has another size, or names files of this host', async () => {
      const whole = peerFile(8)
      const other = peerFile(16)
      const leak = join(root, 'leak.qcow2')
      execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-u', '-b', '/etc/shadow', '-F', 'raw', leak, '8M'])
      const named = { bytes: statSync(leak).size, body: createReadStream(leak) }
      await farImage()
      for (const file of [{ ...whole, bytes: whole.bytes + 1 }, other, named]) {
        peers = async () => file
        await claim('64Mi', wanted)
        await until(claimNow, (one) => condition(one, 'Provisioned')?.status === 'False')
        expect(condition(await claimNow(), 'Provisioned')?.message).toMatch(/broke off|for a guest|backing|refers/i)
        await claims().delete('root', 'default')
        await quiet()
        expect(images()).toEqual([])
      }
    })
  })

  it('larger than the disk says so and gets no volume', async () => {
    await claim('4Pi')
    await quiet()
    expect(condition(await claimNow(), 'Provisioned')).toMatchObject({ reason: 'NoSpace' })
    expect(files()).toEqual([])
  })

  it('can be a copy of another claim', async () => {
    await claim('16Mi')
    const source = await bind()
    await claim('32Mi', { name: 'copy', dataSource: { kind: 'PersistentVolumeClaim', name: 'root' } })
    await quiet()
    const copy = await claims().get('copy', 'default')
    expect(await storage.driver.inspect(`pvc-${copy.metadata.uid}`)).toMatchObject({ bytes: 32 * MiB })
    expect(await storage.driver.list()).toHaveLength(2)
    expect(source.metadata.name).not.toBe(`pvc-${copy.metadata.uid}`)
  })
})

describe('a claim that asks for more', () => {
  const ask = async (size: string) => {
    const held = await claimNow()
    await claims().update({ ...held, spec: { ...held.spec, resources: { requests: { storage: size } } } })
    await quiet()
  }

  it('grows, and the new size shows in volume and claim', async () => {
    await claim('16Mi')
    const { metadata } = await bind()
    await ask('48Mi')
    expect(await storage.driver.inspect(metadata.name!)).toMatchObject({ bytes: 48 * MiB })
    expect((await volumes().get(metadata.name!)).spec.capacity).toEqual({ storage: '48Mi' })
    expect((await claimNow()).status?.capacity).toEqual({ storage: '48Mi' })
  })

  it('while a guest runs is grown by the guest’s QEMU', async () => {
    const asked: [VolumeRef, number][] = []
    stop.abort()
    await startAgent({
      ...noOpenVolumes,
      resize: async (volume, bytes) => {
        asked.push([volume, bytes])
        return true
      },
    })
    await claim('16Mi')
    const { metadata } = await bind()
    await storage.driver.publish(metadata.name!)
    await ask('48Mi')
    expect(asked).toEqual([[{ driver: 'local.thresher.io', handle: metadata.name }, 48 * MiB]])
    expect((await claimNow()).status?.capacity).toEqual({ storage: '48Mi' })
  })

  it('beyond what its class allows says so', async () => {
    await classes().create({ metadata: { name: 'fixed' }, provisioner: 'local.thresher.io' })
    await claim('16Mi', { storageClassName: 'fixed' })
    await bind()
    await ask('48Mi')
    expect(condition(await claimNow(), 'ControllerResizeError')).toMatchObject({
      status: 'True',
      reason: 'ExpansionForbidden',
    })
  })
})

describe('a volume that is deleted', () => {
  it('loses its file once its claim is gone, not before', async () => {
    await claim('16Mi')
    const { metadata } = await bind()
    await volumes().delete(metadata.name!)
    await quiet()
    expect(files()).toEqual([`${metadata.name}.qcow2`])
    await claims().delete('root', 'default')
    await quiet()
    expect(files()).toEqual([])
    expect((await volumes().list()).items).toEqual([])
  })

  it('keeps its file when it is to be retained', async () => {
    await classes().create({ metadata: { name: 'keep' }, provisioner: 'local.thresher.io', reclaimPolicy: 'Retain' })
    await claim('16Mi', { storageClassName: 'keep' })
    const { metadata } = await bind()
    await claims().delete('root', 'default')
    await volumes().delete(metadata.name!)
    await quiet()
    expect((await volumes().list()).items).toEqual([])
    expect(files()).toEqual([`${metadata.name}.qcow2`])
  })

  it('while a guest has it open keeps its file, and says so', async () => {
    await claim('16Mi')
    const { metadata } = await bind()
    const node = await storage.driver.publish(metadata.name!)
    await storage.driver.unpublish(metadata.name!)
    const args = node.blockdevs.flatMap((blockdev) => ['-blockdev', JSON.stringify(blockdev)])
    guests.push(
      spawn('qemu-system-x86_64', ['-machine', 'none', '-nodefaults', '-display', 'none', ...args], {
        stdio: 'ignore',
      }),
    )
    await until(
      () => storage.driver.inspect(metadata.name!),
      (info) => info?.inUse === true,
    )
    await claims().delete('root', 'default')
    await volumes().delete(metadata.name!)
    const events = await until(
      () => client().resource(Event).list(),
      ({ items }) => items.some(({ reason }) => reason === 'VolumeInUse'),
    )
    expect(events.items.at(-1)?.message).toContain('running guest')
    expect(files()).toEqual([`${metadata.name}.qcow2`])
  })
})

describe('after the agent died between file and object', () => {
  it('the volume is used when the claim is still there', async () => {
    stop.abort()
    const made = await claim('16Mi')
    const id = `pvc-${made.metadata.uid}`
    await storage.driver.create(id, { kind: 'empty' }, 16 * MiB)
    await startAgent()
    await quiet()
    expect((await volumes().list()).items.map(({ metadata }) => metadata.name)).toEqual([id])
  })

  it('the volume is removed when the claim is gone, and no other', async () => {
    stop.abort()
    await storage.driver.create('pvc-fresh', { kind: 'empty' }, 16 * MiB)
    await storage.driver.create('pvc-retained', { kind: 'empty' }, 16 * MiB)
    execFileSync('touch', [join(root, 'volumes/.fresh-pvc-fresh')])
    await startAgent()
    await quiet()
    expect(files()).toEqual(['pvc-retained.qcow2'])
  })
})
