import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import { kinds } from '@thresher/api/kinds'
import { claimTemplatesAnnotation } from '@thresher/api/kubevirt/claim-templates'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { machineActions } from '@thresher/api/kubevirt/virtual-machine-actions'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { VolumeSnapshotContent } from '@thresher/api/snapshot/volume-snapshot-content'
import { VolumeSnapshot } from '@thresher/api/snapshot/volume-snapshot'
import { StorageClass } from '@thresher/api/storage/storage-class'
import { startTestServer, type TestServer } from '@thresher/apiserver/testing'
import { Client } from '@thresher/client/client'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { kubevirtSubresources } from '../subresources/subresources.ts'
import { facadeRoutes } from './routes.ts'

let server: TestServer
let client: Client
/** What the agent was asked. */
let asked: string[]
let count = 0
let name: string

beforeAll(async () => {
  const dialer = {
    request: (_node: string, method: string, path: string) => {
      asked.push(`${method} ${path.replace(`/vmi/default/${name}/`, '')}`)
      return Promise.resolve({ status: 200, body: {} })
    },
    stream: () => Promise.reject(new Error('not in this test')),
    upgrade: () => Promise.resolve(),
    close: () => {},
  }
  const authorizer = { authorize: () => ({ verdict: 'allow' as const }) }
  server = await startTestServer({
    kinds,
    authorizer,
    subresources: kubevirtSubresources(() => ({ client, dialer })),
    routes: facadeRoutes({
      server: () => server.api,
      authorizer,
      users: {} as never,
      tokens: {} as never,
      ca: '',
      uploadImage: () => Promise.reject(new Error('not in this test')),
    }),
  })
  client = new Client(server.transport())
})
afterAll(() => server.close())

beforeEach(() => {
  asked = []
  name = `web${count++}`
})

/** A machine in a state, with its instance when it is on. */
async function machine(
  printableStatus: string,
  change: (spec: VirtualMachine['spec']) => void = () => {},
  annotations: Record<string, string> = {},
): Promise<void> {
  const spec: VirtualMachine['spec'] = {
    runStrategy: 'RerunOnFailure',
    template: { spec: { domain: { memory: { guest: '64Mi' }, devices: {} } } },
  }
  change(spec)
  const machines = client.resource(VirtualMachine)
  const made = await machines.create({ metadata: { name, namespace: 'default', annotations }, spec })
  await machines.updateStatus({ ...made, status: { printableStatus } })
  if (printableStatus === 'Stopped') return
  const instances = client.resource(VirtualMachineInstance)
  const run = await instances.create({ metadata: { name, namespace: 'default' }, spec: made.spec.template.spec })
  const conditions = printableStatus === 'Paused' ? [{ type: 'Paused', status: 'True' as const }] : []
  await instances.updateStatus({ ...run, status: { phase: 'Running', nodeName: 'n1', conditions } })
}

const path = () => `/v1/harvester/kubevirt.io.virtualmachines/default/${name}`
const act = (action: string, body: unknown = {}) =>
  server.transport().request({ method: 'POST', path: path(), query: { action }, body })
const stored = () => client.resource(VirtualMachine).get(name, 'default')
const running = () => client.resource(VirtualMachineInstance).get(name, 'default')
const offered = async () =>
  Object.keys((await server.transport().request<{ actions: object }>({ method: 'GET', path: path() })).actions)

describe("an action on a machine, in Harvester's API", () => {
  it('start runs a machine that is off as it ran before it was stopped', async () => {
    await machine('Stopped', (spec) => (spec.runStrategy = 'Halted'), { 'harvesterhci.io/vmRunStrategy': 'Always' })
    await act('start')
    expect((await stored()).spec.runStrategy).toBe('Always')
  })

  it('stop sets the run strategy to Halted and keeps the one before', async () => {
    await machine('Running')
    await act('stop')
    const { spec, metadata } = await stored()
    expect(spec.runStrategy).toBe('Halted')
    expect(metadata.annotations?.['harvesterhci.io/vmRunStrategy']).toBe('RerunOnFailure')
  })

  it('forceStop is offered while a guest shuts down, and leaves it no more time', async () => {
    await machine('Running')
    expect(await offered()).not.toContain('forceStop')
    const { metadata, status } = await stored()
    await client
      .resource(VirtualMachine)
      .updateStatus({ ...(await stored()), metadata, status: { ...status, printableStatus: 'Stopping' } })
    await act('forceStop')
    expect((await running()).spec.terminationGracePeriodSeconds).toBe(0)
  })

  it('restart ends this run and asks for another', async () => {
    await machine('Running')
    await act('restart')
    const { uid } = (await running()).metadata
    expect((await stored()).status?.stateChangeRequests).toEqual([{ action: 'Stop', uid }, { action: 'Start' }])
  })

  it('softreboot, pause and unpause reach the agent of the node', async () => {
    await machine('Running')
    await act('softreboot')
    await act('pause')
    expect(asked).toEqual(['PUT softreboot', 'PUT pause'])
    name = `web${count++}`
    await machine('Paused')
    expect(await offered()).not.toContain('pause')
    await act('unpause')
    expect(asked.at(-1)).toBe('PUT unpause')
  })

  it('pause is not offered with a liveness probe', async () => {
    await machine('Running', (spec) => (spec.template.spec.livenessProbe = { tcpSocket: { port: 22 } }))
    expect(await offered()).not.toContain('pause')
  })

  it('addVolume and removeVolume change the volumes of the machine', async () => {
    const spec = { accessModes: ['ReadWriteMany' as const], resources: { requests: { storage: '1Gi' } } }
    await client
      .resource(PersistentVolumeClaim)
      .create({ metadata: { name: `${name}-data`, namespace: 'default' }, spec })
    await machine('Running')
    await act('addVolume', { diskName: 'more', volumeSourceName: `${name}-data` })
    const { volumes, domain } = (await stored()).spec.template.spec
    expect(volumes).toEqual([
      { name: 'more', persistentVolumeClaim: { claimName: `${name}-data`, hotpluggable: true } },
    ])
    expect(domain.devices.disks).toMatchObject([{ name: 'more', disk: { bus: 'scsi' }, serial: `${name}-data` }])
    await act('removeVolume', { diskName: 'more' })
    expect((await stored()).spec.template.spec.volumes).toEqual([])
    await expect(act('removeVolume', { diskName: 'more' })).rejects.toThrow(/Unable to remove/)
  })

  it('insertCdRomVolume and ejectCdRomVolume put a volume of the image into the drive and take it out again', async () => {
    const images = client.resource(VirtualMachineImage)
    const image = await images.create({
      metadata: { name: `${name}-iso`, namespace: 'default' },
      spec: { displayName: `${name}.iso`, sourceType: 'download', url: 'http://192.0.2.1/x.iso' },
    } as never)
    await images.updateStatus({ ...image, status: { storageClassName: 'lh-iso', virtualSize: 2 ** 30 + 1 } })
    await machine(
      'Running',
      (spec) => (spec.template.spec.domain.devices.disks = [{ name: 'cd', cdrom: { bus: 'sata' } }]),
    )
    expect(await offered()).toContain('insertCdRomVolume')
    expect(await offered()).not.toContain('ejectCdRomVolume')
    await act('insertCdRomVolume', { deviceName: 'cd', imageName: `default/${name}-iso` })
    const loaded = await stored()
    const claimName = loaded.spec.template.spec.volumes?.[0]?.persistentVolumeClaim?.claimName ?? ''
    expect(claimName).toMatch(new RegExp(`^${name}-cd-`))
    expect(JSON.parse(loaded.metadata.annotations?.[claimTemplatesAnnotation] ?? '')).toMatchObject([
      {
        metadata: { name: claimName, annotations: { 'harvesterhci.io/imageId': `default/${name}-iso` } },
        spec: { storageClassName: 'lh-iso', resources: { requests: { storage: '2Gi' } } },
      },
    ])
    await expect(act('insertCdRomVolume', { deviceName: 'cd', imageName: `${name}-iso` })).rejects.toThrow(/state/)
    await expect(act('ejectCdRomVolume', { deviceName: 'dvd' })).rejects.toThrow(/use cd$/)
    const spec = { accessModes: ['ReadWriteMany' as const], resources: { requests: { storage: '2Gi' } } }
    await client.resource(PersistentVolumeClaim).create({ metadata: { name: claimName, namespace: 'default' }, spec })
    await act('ejectCdRomVolume', { deviceName: 'cd' })
    const empty = await stored()
    expect(empty.spec.template.spec.volumes).toEqual([])
    expect(empty.spec.template.spec.domain.devices.disks).toMatchObject([{ name: 'cd' }])
    expect(empty.metadata.annotations?.[claimTemplatesAnnotation]).toBe('[]')
    await expect(client.resource(PersistentVolumeClaim).get(claimName, 'default')).rejects.toMatchObject({ code: 404 })
  })

  it('addNic and removeNic change the cards of the machine, findHotunpluggableNics names those that can go', async () => {
    await machine('Running', ({ template: { spec } }) => {
      spec.domain.devices.interfaces = [{ name: 'default', masquerade: {} }]
      spec.networks = [{ name: 'default', pod: {} }]
    })
    expect(await act('findHotunpluggableNics')).toEqual({ interfaces: [] })
    await act('addNic', { interfaceName: 'lan', networkName: 'default/vlan7', macAddress: '52:54:00:12:34:56' })
    const { networks, domain } = (await stored()).spec.template.spec
    expect(networks?.[1]).toEqual({ name: 'lan', multus: { networkName: 'default/vlan7' } })
    expect(domain.devices.interfaces?.[1]).toMatchObject({ name: 'lan', bridge: {}, model: 'virtio' })
    expect(await act('findHotunpluggableNics')).toEqual({ interfaces: ['lan'] })
    await expect(act('removeNic', { interfaceName: 'default' })).rejects.toThrow(/use lan$/)
    await act('removeNic', { interfaceName: 'lan' })
    expect((await stored()).spec.template.spec.domain.devices.interfaces?.[1]?.state).toBe('absent')
  })

  it('cpuAndMemoryHotplug changes the template of a machine that is marked for it', async () => {
    await machine('Running')
    expect(await offered()).not.toContain('cpuAndMemoryHotplug')
    name = `web${count++}`
    await machine('Running', () => {}, { 'harvesterhci.io/enableCPUAndMemoryHotplug': 'true' })
    await act('cpuAndMemoryHotplug', { sockets: 2, memory: '128Mi' })
    expect((await stored()).spec.template.spec.domain).toMatchObject({
      cpu: { sockets: 2 },
      memory: { guest: '128Mi' },
    })
  })
})

describe('snapshots', () => {
  const base = '/apis/harvesterhci.io/v1beta1/namespaces/default'

  it('snapshot and restore make the objects that carry them out', async () => {
    await machine('Stopped')
    await act('snapshot', { name: `${name}-s1` })
    const backup = await server.transport().request<{ spec: object }>({
      method: 'GET',
      path: `${base}/virtualmachinebackups/${name}-s1`,
    })
    expect(backup.spec).toMatchObject({ type: 'snapshot', source: { kind: 'VirtualMachine', name } })
    await act('restore', { name: `${name}-r1`, backupName: `${name}-s1`, keepMacAddress: true, haltAfterRestore: true })
    const restore = await server.transport().request<{ spec: object }>({
      method: 'GET',
      path: `${base}/virtualmachinerestores/${name}-r1`,
    })
    expect(restore.spec).toMatchObject({
      target: { kind: 'VirtualMachine', name },
      virtualMachineBackupName: `${name}-s1`,
      virtualMachineBackupNamespace: 'default',
      newVM: false,
      keepMacAddress: true,
      haltAfterRestore: true,
    })
  })

  const on = (type: string, action: string, body: object) =>
    server
      .transport()
      .request({ method: 'POST', path: `/v1/harvester/${type}/default/${name}`, query: { action }, body })

  async function claim(): Promise<void> {
    const claims = client.resource(PersistentVolumeClaim)
    const made = await claims.create({
      metadata: { name, namespace: 'default' },
      spec: {
        accessModes: ['ReadWriteOnce'],
        volumeMode: 'Block',
        storageClassName: `class-${name}`,
        resources: { requests: { storage: '2Gi' } },
      },
    })
    await claims.updateStatus({ ...made, status: { phase: 'Bound', capacity: { storage: '1Gi' } } })
  }

  it('of a volume make a snapshot, a copy or an image, and give up its growth', async () => {
    await claim()
    await on('persistentvolumeclaims', 'snapshot', { name: `${name}-s1` })
    const taken = await client.resource(VolumeSnapshot).get(`${name}-s1`, 'default')
    expect(taken.spec.source.persistentVolumeClaimName).toBe(name)
    await on('persistentvolumeclaims', 'clone', { name: `${name}-copy` })
    const copy = await client.resource(PersistentVolumeClaim).get(`${name}-copy`, 'default')
    expect(copy.spec.dataSource).toMatchObject({ kind: 'PersistentVolumeClaim', name })
    await on('persistentvolumeclaims', 'export', { displayName: `image-of-${name}` })
    const images = await client.resource(VirtualMachineImage).list({ namespace: 'default' })
    expect(images.items.find(({ spec }) => spec.pvcName === name)?.spec.sourceType).toBe('export-from-volume')
    await on('persistentvolumeclaims', 'cancelExpand', {})
    const back = await client.resource(PersistentVolumeClaim).get(name, 'default')
    expect(back.spec.resources?.requests?.['storage']).toBe('1Gi')
    await expect(on('persistentvolumeclaims', 'cancelExpand', {})).rejects.toMatchObject({ code: 'InvalidAction' })
  })

  it('restore of a VolumeSnapshot makes a claim like that of then, with a class that can', async () => {
    await claim()
    const classes = client.resource(StorageClass)
    const provisioner = 'local.thresher.io'
    const parameters = { imageId: 'default/debian' }
    await classes.create({ metadata: { name: `class-${name}` }, provisioner, parameters })
    await classes.create({ metadata: { name: `other-${name}` }, provisioner })
    await classes.create({ metadata: { name: `foreign-${name}` }, provisioner: 'csi.example.org' })
    await client.resource(VolumeSnapshotContent).create({
      metadata: { name: `content-${name}` },
      spec: {
        driver: provisioner,
        deletionPolicy: 'Delete',
        source: { volumeHandle: 'x' },
        volumeSnapshotRef: { name, namespace: 'default' },
      },
    })
    const snapshots = client.resource(VolumeSnapshot)
    const spec = { source: { persistentVolumeClaimName: name } }
    const made = await snapshots.create({ metadata: { name, namespace: 'default' }, spec })
    const status = { readyToUse: true, restoreSize: '1Gi', boundVolumeSnapshotContentName: `content-${name}` }
    await snapshots.updateStatus({ ...made, status })
    const type = 'snapshot.storage.k8s.io.volumesnapshots'
    const restore = (storageClassName?: string) => on(type, 'restore', { name: `${name}-back`, storageClassName })
    await expect(restore(`gone-${name}`)).rejects.toThrow('does not exist')
    await expect(restore(`foreign-${name}`)).rejects.toThrow(
      'Can not use different provisioner for restoring volume snapshot',
    )
    await expect(restore(`other-${name}`)).rejects.toThrow(
      'Can not use different storageClass for restoring image volume snapshot',
    )
    await restore()
    const back = await client.resource(PersistentVolumeClaim).get(`${name}-back`, 'default')
    expect(back.spec).toMatchObject({
      storageClassName: `class-${name}`,
      volumeMode: 'Block',
      accessModes: ['ReadWriteOnce'],
      dataSource: { kind: 'VolumeSnapshot', name },
      resources: { requests: { storage: '1Gi' } },
    })
  })
})

describe('the table of actions in the documentation', () => {
  const root = join(import.meta.dirname, '../../..')
  const rows = readFileSync(join(root, 'docs/machine-actions.md'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').map((cell) => cell.trim()))

  it('has a row for every action that a machine has', () => {
    const listed = rows.flatMap(([, action = '']) => [...action.matchAll(/`(\w+)`/g)].map(([, word]) => word))
    for (const { name: action } of machineActions) expect(listed).toContain(action)
  })

  it('names with each row a file of tests that is there and speaks of it', () => {
    for (const row of rows) {
      const [file, title] = row[3]!.split(': ')
      const text = existsSync(join(root, file!)) ? readFileSync(join(root, file!), 'utf8') : ''
      expect(text.includes(title!), `${file} says: ${title}`).toBe(true)
    }
  })
})
