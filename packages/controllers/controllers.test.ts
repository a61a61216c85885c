import { setTimeout as delay } from 'node:timers/promises'
import { PersistentVolume } from '@thresher/api/core/persistent-volume'
import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { Pod } from '@thresher/api/core/pod'
import { isReason } from '@thresher/api/error'
import { kinds } from '@thresher/api/kinds'
import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import { StorageClass } from '@thresher/api/storage/storage-class'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { CustomResources } from '@thresher/apiserver/crd/custom-resources'
import { startTestServer, type TestServer } from '@thresher/apiserver/testing'
import { Client } from '@thresher/client/client'
import type { ApiRequest, Transport } from '@thresher/client/transport'
import { bareWordsShown } from '@thresher/client/testing-words'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { machineAdmission } from '@thresher/server/admission/admission'
import { leadControllers, startControllers } from './controllers.ts'
import { kubevirtSubresources } from '@thresher/server/subresources/subresources'
import { simulateAgent, testMachine, type SimulatedAgent } from './testing.ts'

let server: TestServer
let client: Client
let agent: SimulatedAgent
let stop: AbortController
let warnings: string[]

beforeEach(async () => {
  stop = new AbortController()
  warnings = []
  const dialer = {
    request: () => Promise.reject(new Error('none')),
    stream: () => Promise.reject(new Error('no agent')),
    upgrade: () => Promise.resolve(),
    close: () => {},
  }
  server = await startTestServer({
    kinds,
    admission: machineAdmission(() => server.api.objects) as never,
    subresources: kubevirtSubresources(() => ({ client, dialer })) as never,
  })
  client = new Client(server.transport())
  await run(stop.signal)
  agent = await simulateAgent(server.transport(), stop.signal)
})

afterEach(async () => {
  const bare = await bareWordsShown(new Client(server.transport()))
  stop.abort(new Error('test over'))
  await server.close()
  expect(bare).toEqual([])
})

async function run(signal: AbortSignal, transport: Transport = server.transport()): Promise<void> {
  await startControllers({
    transport,
    signal,
    log: (level, message) => {
      if (level !== 'info') warnings.push(message)
    },
  })
}

async function until<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T> {
  for (let tries = 0; tries < 2000; tries++) {
    const found = await look().catch((error: unknown) => {
      if (isReason(error, 'NotFound')) return undefined
      throw error
    })
    if (found) return found
    await delay(5)
  }
  const machines = await client.resource(VirtualMachine).list()
  const instances = await client.resource(VirtualMachineInstance).list()
  const state = [...machines.items, ...instances.items].map(({ metadata, status }) => ({
    name: metadata.name,
    deleted: metadata.deletionTimestamp,
    finalizers: metadata.finalizers,
    status,
  }))
  throw new Error(`${what} did not happen; ${JSON.stringify(state, null, 1)} ${warnings.join('\n')}`)
}

const machines = () => client.resource(VirtualMachine)
const instances = () => client.resource(VirtualMachineInstance)

function state(name: string, printable: string): Promise<VirtualMachine> {
  return until(`${name} ${printable}`, async () => {
    const machine = await machines().get(name, 'default')
    return machine.status?.printableStatus === printable && machine
  })
}

function put(name: string, operation: string, body?: unknown): Promise<unknown> {
  const path = `/apis/subresources.kubevirt.io/v1/namespaces/default/virtualmachines/${name}/${operation}`
  return client.transport.request({ method: 'PUT', path, body })
}

test('a machine that is created gets its claim, its instance and a pod on a node, and runs', async () => {
  await machines().create(testMachine('web'))
  const machine = await state('web', 'Running')
  expect(machine.status).toMatchObject({ created: true, ready: true, runStrategy: 'RerunOnFailure' })
  const claim = await client.resource(PersistentVolumeClaim).get('web-root', 'default')
  expect(claim.status).toMatchObject({ phase: 'Bound', capacity: { storage: '1Gi' } })
  const volume = await until('the volume is shown as bound', async () => {
    const found = await client.resource(PersistentVolume).get(claim.spec.volumeName ?? '')
    return found.status?.phase === 'Bound' && found
  })
  expect(volume.spec.claimRef?.name).toBe('web-root')
  const instance = await instances().get('web', 'default')
  expect(instance.spec.domain.devices.interfaces?.[0]?.macAddress).toMatch(/^52:54:00:/)
  const pods = await client.resource(Pod).list({ namespace: 'default' })
  expect(pods.items.map((pod) => pod.spec.nodeName)).toEqual(['node-1'])
  expect(instance.status?.activePods).toEqual({ [pods.items[0]?.metadata.uid ?? '']: 'node-1' })
  // Where its devices sit is the machine's, so that the next instance has the same.
  const places = machine.metadata.annotations?.['thresher.io/device-places'] ?? ''
  expect(JSON.parse(places)).toMatchObject({ disks: { 'virtio/root': 0 } })
  expect(instance.metadata.annotations?.['thresher.io/device-places']).toBe(places)
  // By this the node's agent finds it.
  expect(instance.metadata.labels).toMatchObject({ 'kubevirt.io/nodeName': 'node-1' })
})

test('a machine stops on request, stays off, and starts again with the same address', async () => {
  await machines().create(testMachine('web'))
  await state('web', 'Running')
  const first = await instances().get('web', 'default')
  await put('web', 'stop')
  await until('the instance is gone', async () => !(await machines().get('web', 'default')).status?.created)
  await delay(50)
  expect((await machines().get('web', 'default')).status?.printableStatus).toBe('Stopped')
  expect((await client.resource(Pod).list({ namespace: 'default' })).items).toEqual([])
  await put('web', 'start')
  await state('web', 'Running')
  const second = await instances().get('web', 'default')
  expect(second.metadata.uid).not.toBe(first.metadata.uid)
  expect(second.spec.domain.devices.interfaces).toEqual(first.spec.domain.devices.interfaces)
  expect((await machines().get('web', 'default')).status?.stateChangeRequests).toBeUndefined()
})

test('a restart gives an instance with another uid', async () => {
  await machines().create(testMachine('web', 'Always'))
  await state('web', 'Running')
  const first = await instances().get('web', 'default')
  await put('web', 'restart')
  await until('another instance runs', async () => {
    const now = await instances().get('web', 'default')
    return now.metadata.uid !== first.metadata.uid && now.status?.phase === 'Running'
  })
})

test('a crashed guest runs again, one that keeps crashing waits longer each time', async () => {
  await machines().create(testMachine('web'))
  await state('web', 'Running')
  const first = await instances().get('web', 'default')
  await agent.end('default', 'web', 'Failed')
  await until('it runs again', async () => {
    const now = await instances().get('web', 'default')
    return now.metadata.uid !== first.metadata.uid && now.status?.phase === 'Running'
  })
  await agent.end('default', 'web', 'Failed')
  const waiting = await state('web', 'CrashLoopBackOff')
  expect(waiting.status?.startFailure?.consecutiveFailCount).toBe(2)
  await put('web', 'start')
  await state('web', 'Running')
})

test('a guest that shuts itself down stays off under RerunOnFailure and runs again under Always', async () => {
  await machines().create(testMachine('once'))
  await machines().create(testMachine('ever', 'Always'))
  await state('once', 'Running')
  await state('ever', 'Running')
  const before = await instances().get('ever', 'default')
  await agent.end('default', 'once', 'Succeeded')
  await agent.end('default', 'ever', 'Succeeded')
  await state('once', 'Stopped')
  await until('it runs again', async () => {
    const now = await instances().get('ever', 'default')
    return now.metadata.uid !== before.metadata.uid && now.status?.phase === 'Running'
  })
})

test('a deleted machine takes its instance along, and the claims it is told to', async () => {
  await machines().create(testMachine('web'))
  await state('web', 'Running')
  const annotations = { 'harvesterhci.io/removedPersistentVolumeClaims': 'web-root' }
  await machines().patch('web', 'default', { metadata: { annotations } })
  await machines().delete('web', 'default', { propagationPolicy: 'Foreground' })
  await until('all is gone', async () => {
    const left = await Promise.all([
      machines().list(),
      instances().list(),
      client.resource(Pod).list(),
      client.resource(PersistentVolumeClaim).list(),
      client.resource(PersistentVolume).list(),
    ])
    return left.every(({ items }) => items.length === 0)
  })
})

test('without the annotation the claim of a deleted machine stays', async () => {
  await machines().create(testMachine('web'))
  await state('web', 'Running')
  await machines().delete('web', 'default')
  await until('the machine is gone', async () => (await machines().list()).items.length === 0)
  expect((await client.resource(PersistentVolumeClaim).list()).items).toHaveLength(1)
})

test('a machine larger than every node says by how much, and runs once there is room', async () => {
  await machines().create(testMachine('big', 'Always', '64Gi'))
  const stuck = await state('big', 'ErrorUnschedulable')
  const failure = stuck.status?.conditions?.find(({ type }) => type === 'Failure')
  expect(failure?.message).toMatch(
    /none of 1 node will do: 1 with too little memory \(64\.\d GiB of memory needed, at most 16 GiB of memory free\)/,
  )
  await simulateAgent(server.transport(), stop.signal, 'node-2', { cpu: '8', memory: '128Gi' })
  await state('big', 'Running')
})

test('a machine on a claim that does not exist says so, and runs once it does', async () => {
  const machine = testMachine('web')
  machine.metadata.annotations = {}
  await machines().create(machine)
  const stuck = await state('web', 'ErrorPvcNotFound')
  expect(stuck.status?.conditions?.find(({ type }) => type === 'Failure')?.message).toContain('web-root does not exist')
  await client.resource(PersistentVolumeClaim).create({
    metadata: { name: 'web-root', namespace: 'default' },
    spec: { accessModes: ['ReadWriteMany'], volumeMode: 'Block', resources: { requests: { storage: '1Gi' } } },
  })
  await state('web', 'Running')
})

test('a second machine on the same volume is refused', async () => {
  await machines().create(testMachine('web'))
  const second = testMachine('web2')
  second.spec.template.spec.volumes = [{ name: 'root', persistentVolumeClaim: { claimName: 'web-root' } }]
  await expect(machines().create(second)).rejects.toMatchObject({
    code: 422,
    message: expect.stringContaining('PVC default/web-root is already used by VM web'),
  })
})

test('a volume in use cannot be deleted', async () => {
  await machines().create(testMachine('web'))
  await state('web', 'Running')
  await expect(client.resource(PersistentVolumeClaim).delete('web-root', 'default')).rejects.toMatchObject({
    code: 422,
    message: expect.stringContaining('currently attached to VMs: web'),
  })
})

test('operations that do not fit the state are refused in the words that clients know', async () => {
  await expect(put('none', 'start')).rejects.toMatchObject({
    code: 404,
    message: 'virtualmachine.kubevirt.io "none" not found',
  })
  await machines().create(testMachine('web', 'Halted'))
  await state('web', 'Stopped')
  await expect(put('web', 'stop')).rejects.toMatchObject({
    code: 409,
    message: expect.stringContaining('VM is not running'),
  })
  await put('web', 'start')
  await state('web', 'Running')
  await expect(put('web', 'migrate')).rejects.toMatchObject({ code: 501 })
})

test('virtctl finds the group and its version', async () => {
  const root = '/apis/subresources.kubevirt.io'
  const get = (path: string) => client.transport.request<Record<string, unknown>>({ method: 'GET', path })
  expect(await get(root)).toMatchObject({ kind: 'APIGroup', preferredVersion: { version: 'v1' } })
  expect(await get(`${root}/v1/version`)).toMatchObject({ gitVersion: expect.stringMatching(/^v1\./) })
  const { resources } = await get(`${root}/v1`)
  expect((resources as { name: string }[]).map(({ name }) => name)).toEqual(
    expect.arrayContaining(['virtualmachines/start', 'virtualmachineinstances/console', 'virtualmachineinstances/vnc']),
  )
})

test('deleting a namespace deletes what is in it, then the namespace', async () => {
  const path = '/api/v1/namespaces'
  await client.transport.request({ method: 'POST', path, body: { metadata: { name: 'team' } } })
  const machine = testMachine('web')
  machine.metadata.namespace = 'team'
  await machines().create(machine)
  await until('it runs', async () => (await machines().get('web', 'team')).status?.printableStatus === 'Running')
  await client.transport.request({ method: 'DELETE', path: `${path}/team` })
  await until('the namespace is gone', async () => {
    const { items } = await client.transport.request<{ items: { metadata: { name: string } }[] }>({
      method: 'GET',
      path,
    })
    return !items.some(({ metadata }) => metadata.name === 'team')
  })
  // It is of no namespace, and goes when its node has deleted the file.
  await until('its volume is gone', async () => (await client.resource(PersistentVolume).list()).items.length === 0)
})

test('dependents of a foreground deletion go first, orphans stay', async () => {
  const configMaps = '/api/v1/namespaces/default/configmaps'
  const create = (name: string, owner?: { metadata: { uid: string } }) =>
    client.transport.request<{ metadata: { uid: string } }>({
      method: 'POST',
      path: configMaps,
      body: {
        metadata: {
          name,
          ...(owner && {
            ownerReferences: [
              { apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: owner.metadata.uid, blockOwnerDeletion: true },
            ],
          }),
        },
      },
    })
  const remove = (propagationPolicy: string) =>
    client.transport.request({ method: 'DELETE', path: `${configMaps}/owner`, body: { propagationPolicy } })
  const names = async (): Promise<string[]> => {
    const { items } = await client.transport.request<{ items: { metadata: { name: string } }[] }>({
      method: 'GET',
      path: configMaps,
    })
    return items.map(({ metadata }) => metadata.name)
  }
  await create('one', await create('owner'))
  await remove('Foreground')
  await until('both are gone', async () => (await names()).length === 0)
  await create('two', await create('owner'))
  await remove('Orphan')
  await until('the owner is gone', async () => !(await names()).includes('owner'))
  const path = `${configMaps}/two`
  const orphan = await client.transport.request<{ metadata: { ownerReferences?: unknown } }>({ method: 'GET', path })
  expect(orphan.metadata.ownerReferences).toBeUndefined()
  await create('three', await create('owner'))
  await remove('Background')
  await until('the dependent is gone too', async () => (await names()).join() === 'two')
})

test('kinds that are defined at run time are collected too', async () => {
  const custom = new CustomResources(server.api.registry, server.api.objects)
  await custom.start()
  stop.signal.addEventListener('abort', () => custom.close())
  await client.transport.request({
    method: 'POST',
    path: '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
    body: {
      metadata: { name: 'boxes.test.io' },
      spec: {
        group: 'test.io',
        scope: 'Namespaced',
        names: { plural: 'boxes', kind: 'Box' },
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
      },
    },
  })
  await machines().create(testMachine('web', 'Halted'))
  const { metadata } = await machines().get('web', 'default')
  const path = '/apis/test.io/v1/namespaces/default/boxes'
  const ownerReferences = [{ apiVersion: 'kubevirt.io/v1', kind: 'VirtualMachine', name: 'web', uid: metadata.uid }]
  const body = { apiVersion: 'test.io/v1', kind: 'Box', metadata: { name: 'mine', ownerReferences } }
  await until('the kind is served', async () => {
    await client.transport.request({ method: 'POST', path, body })
    return true
  })
  await machines().delete('web', 'default')
  await until('the box is gone', async () => {
    const { items } = await client.transport.request<{ items: unknown[] }>({ method: 'GET', path })
    return items.length === 0
  })
})

test('an image gets its class and a node, is kept while a volume uses it, and goes after that', async () => {
  const images = client.resource(VirtualMachineImage)
  const spec = { displayName: 'debian', sourceType: 'download' as const, url: 'http://localhost/debian.qcow2' }
  await images.create({ metadata: { name: 'debian', namespace: 'default' }, spec })
  const image = await until('it has a class', async () => {
    const found = await images.get('debian', 'default')
    return found.status?.storageClassName ? found : undefined
  })
  expect(image.metadata.annotations?.['thresher.io/import-node']).toBe('node-1')
  expect(image.status?.storageClassName).toBe(`lh-${image.metadata.uid}`)
  const claims = client.resource(PersistentVolumeClaim)
  await claims.create({
    metadata: { name: 'disk', namespace: 'default' },
    spec: {
      accessModes: ['ReadWriteMany'],
      storageClassName: image.status?.storageClassName,
      resources: { requests: { storage: '1Gi' } },
    },
  })
  await expect(images.delete('debian', 'default')).rejects.toMatchObject({
    code: 422,
    message: expect.stringContaining('Cannot delete image default/debian: being used by volume default/disk'),
  })
  await expect(images.create({ metadata: { name: 'other', namespace: 'default' }, spec })).rejects.toMatchObject({
    code: 422,
    message: expect.stringContaining('A resource with the same name exists'),
  })
  await claims.delete('disk', 'default')
  await until('the claim is gone', async () => (await claims.list()).items.length === 0)
  await images.delete('debian', 'default')
  await until('the image is gone', async () => (await images.list()).items.length === 0)
  const classes = await client.resource(StorageClass).list()
  expect(classes.items.map(({ metadata }) => metadata.name)).toEqual(['local'])
})

test('a claim of a class that binds at once gets its volume without a pod', async () => {
  await client.resource(StorageClass).create({
    metadata: { name: 'now' },
    provisioner: 'local.thresher.io',
    volumeBindingMode: 'Immediate',
  })
  const claims = client.resource(PersistentVolumeClaim)
  await claims.create({
    metadata: { name: 'disk', namespace: 'default' },
    spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'now', resources: { requests: { storage: '1Gi' } } },
  })
  await until('it is bound', async () => (await claims.get('disk', 'default')).status?.phase === 'Bound')
  await claims.delete('disk', 'default')
  await until('claim and volume are gone', async () => {
    const left = await Promise.all([claims.list(), client.resource(PersistentVolume).list()])
    return left.every(({ items }) => items.length === 0)
  })
})

test('a claim of another driver’s class is left to that driver: no node is chosen for it, nor its pod placed', async () => {
  const classes = client.resource(StorageClass)
  const claims = client.resource(PersistentVolumeClaim)
  const pods = client.resource(Pod)
  for (const volumeBindingMode of ['Immediate', 'WaitForFirstConsumer'] as const) {
    const name = volumeBindingMode.toLowerCase()
    await classes.create({ metadata: { name }, provisioner: 'foreign.example.org', volumeBindingMode })
    await claims.create({
      metadata: { name, namespace: 'default' },
      spec: { accessModes: ['ReadWriteOnce'], storageClassName: name, resources: { requests: { storage: '1Gi' } } },
    })
    await pods.create({
      metadata: { name, namespace: 'default' },
      spec: {
        containers: [{ name: 'c', image: 'i' }],
        volumes: [{ name: 'v', persistentVolumeClaim: { claimName: name } }],
      },
    })
    await until(
      'the pod waits',
      async () =>
        (await pods.get(name, 'default')).status?.conditions?.some(({ reason }) => reason === 'Unschedulable') === true,
    )
    const { metadata, status } = await claims.get(name, 'default')
    expect(metadata.annotations?.['volume.kubernetes.io/selected-node']).toBeUndefined()
    expect(status?.phase).toBe('Pending')
  }
  const waiting = (await pods.get('waitforfirstconsumer', 'default')).status?.conditions ?? []
  expect(waiting[0]?.message).toContain('the driver foreign.example.org of its storage class has to make it')
})

test('of two servers one leads the controllers, and the other goes on when it stops', async () => {
  stop.abort(new Error('handing over'))
  await delay(20)
  stop = new AbortController()
  await client.transport.request({ method: 'DELETE', path: '/api/v1/nodes/node-1' })
  agent = await simulateAgent(server.transport(), stop.signal, 'node-2')
  const first = new AbortController()
  const lead = (identity: string, signal: AbortSignal) =>
    leadControllers({ transport: server.transport(), identity, signal })
  const one = lead('one', AbortSignal.any([first.signal, stop.signal]))
  await machines().create(testMachine('web'))
  await state('web', 'Running')
  const two = lead('two', stop.signal)
  first.abort(new Error('this server stops'))
  await one
  await machines().create(testMachine('web2'))
  await state('web2', 'Running')
  stop.abort(new Error('test over'))
  await two
})

/** A transport that fails for good at its nth write, as a killed process does. */
function dyingTransport(inner: Transport, writes: number, died: () => void): Transport {
  let left = writes
  return {
    request: async <T>(request: ApiRequest) => {
      const counts = request.method !== 'GET' && !request.path.includes('/events')
      if (counts && left-- <= 0) {
        died()
        throw new Error('killed')
      }
      return inner.request<T>(request)
    },
    watch: (request) => inner.watch(request),
    close: () => inner.close(),
  }
}

/** Do something under controllers that die at their nth write, for each n until they live through it; then others take over. */
async function survive(
  round: (name: string) => Promise<{ done: Promise<unknown>; check: () => Promise<void> }>,
): Promise<void> {
  stop.abort(new Error('handing over'))
  await delay(20)
  stop = new AbortController()
  await client.transport.request({ method: 'DELETE', path: '/api/v1/nodes/node-1' })
  agent = await simulateAgent(server.transport(), stop.signal, 'node-2')
  let lived = false
  for (let writes = 0; writes < 40 && !lived; writes++) {
    const first = new AbortController()
    const died = Promise.withResolvers<'died'>()
    const { done, check } = await round(`vm-${writes}`)
    await run(
      first.signal,
      dyingTransport(server.transport(), writes, () => died.resolve('died')),
    ).catch(() => {})
    lived = (await Promise.race([died.promise, done.then(() => 'done')])) === 'done'
    first.abort(new Error('killed'))
    const second = new AbortController()
    await run(second.signal)
    await done
    await check()
    second.abort(new Error('next round'))
  }
  expect(lived).toBe(true)
}

/** A machine that runs, with controllers that are stopped again. */
async function runningMachine(name: string): Promise<void> {
  const life = new AbortController()
  await run(life.signal)
  await machines().create(testMachine(name))
  await state(name, 'Running')
  life.abort(new Error('set up'))
}

test('a machine comes up though its controllers are killed between any two writes', async () => {
  await survive(async (name) => {
    await machines().create(testMachine(name))
    const check = async (): Promise<void> => {
      const { items } = await client.resource(Pod).list({ namespace: 'default' })
      expect(items.filter((pod) => pod.metadata.labels?.['vm.kubevirt.io/name'] === name)).toHaveLength(1)
    }
    return { done: state(name, 'Running'), check }
  })
}, 60_000)

test('a machine restarts once though its controllers are killed between any two writes', async () => {
  await survive(async (name) => {
    await runningMachine(name)
    const before = await instances().get(name, 'default')
    await put(name, 'restart')
    const done = until('another instance runs', async () => {
      const now = await instances().get(name, 'default')
      return now.metadata.uid !== before.metadata.uid && now.status?.phase === 'Running' ? now : undefined
    })
    const check = async (): Promise<void> => {
      const { uid } = (await done).metadata
      await delay(30)
      expect((await instances().get(name, 'default')).metadata.uid).toBe(uid)
    }
    return { done, check }
  })
}, 60_000)

test('a machine is deleted with its claim though its controllers are killed between any two writes', async () => {
  await survive(async (name) => {
    await runningMachine(name)
    const annotations = { 'harvesterhci.io/removedPersistentVolumeClaims': `${name}-root` }
    await machines().patch(name, 'default', { metadata: { annotations } })
    await machines().delete(name, 'default')
    const done = until('all is gone', async () => {
      const left = await Promise.all([
        machines().list(),
        instances().list(),
        client.resource(Pod).list(),
        client.resource(PersistentVolumeClaim).list(),
        client.resource(PersistentVolume).list(),
      ])
      return left.every(({ items }) => items.length === 0)
    })
    return { done, check: () => Promise.resolve() }
  })
}, 60_000)
