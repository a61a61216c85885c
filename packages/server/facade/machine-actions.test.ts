import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import { kinds } from '@thresher/api/kinds'
import { claimTemplatesAnnotation } from '@thresher/api/kubevirt/claim-templates'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { machineActions } from '@thresher/api/kubevirt/virtual-machine-actions'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
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
