import { Event } from '@thresher/api/core/event'
import { Namespace } from '@thresher/api/core/namespace'
import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { Pod } from '@thresher/api/core/pod'
import { ResourceQuota } from '@thresher/api/core/resource-quota'
import { ServiceAccount } from '@thresher/api/core/service-account'
import { ApiError } from '@thresher/api/error'
import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import type { TypedKind } from '@thresher/api/kind'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import type { Condition, KubeObject } from '@thresher/api/meta'
import { startSecureServer, type SecureServer } from '@thresher/apiserver/auth/testing'
import { Client } from '@thresher/client/client'
import { findCondition } from '@thresher/client/conditions'
import type { ApiRequest, Transport } from '@thresher/client/transport'
import { bareWordsShown } from '@thresher/client/testing-words'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startControllers } from './controllers.ts'
import { simulateAgent, testMachine } from './testing.ts'

let secure: SecureServer
let client: Client
let stop: AbortController
/** What a policy of the cluster's owner forbids the controllers. */
let forbidden: (request: ApiRequest) => boolean

const words = 'the policy "house-rules" does not allow it'

function underPolicy(transport: Transport): Transport {
  return {
    watch: (request) => transport.watch(request),
    close: () => transport.close(),
    request: async (request) => {
      if (forbidden(request)) throw new ApiError('Forbidden', words)
      return transport.request(request)
    },
  }
}

beforeEach(async () => {
  stop = new AbortController()
  forbidden = () => false
  secure = await startSecureServer()
  client = new Client(secure.server.transport())
  await startControllers({ transport: underPolicy(secure.server.transport()), signal: stop.signal })
})

afterEach(async () => {
  const bare = await bareWordsShown(client)
  stop.abort(new Error('test over'))
  await secure.close()
  expect(bare).toEqual([])
})

type WithStatus = KubeObject & { status?: { conditions?: unknown } }

async function synchronized(kind: TypedKind<WithStatus>, name: string, namespace?: string) {
  const { status } = await client.resource<WithStatus>(kind).get(name, namespace)
  return findCondition(status?.conditions as Condition[] | undefined, 'Synchronized')
}

async function warnedKinds(): Promise<string[]> {
  const { items } = await client.resource(Event).list()
  return items.filter(({ message }) => message === words).map(({ involvedObject }) => involvedObject.kind ?? '')
}

/** The refusal shows on the object and in events, and goes when the policy does. */
async function shows(kind: TypedKind<WithStatus>, name: string, namespace?: string, eventsOn = [kind.kind]) {
  await expect
    .poll(() => synchronized(kind, name, namespace), { timeout: 5000 })
    .toMatchObject({ status: 'False', message: words })
  await expect.poll(warnedKinds, { timeout: 5000 }).toEqual(expect.arrayContaining(eventsOn))
  forbidden = () => false
  await expect.poll(() => synchronized(kind, name, namespace), { timeout: 9000 }).toBeUndefined()
}

test('an image whose storage class is refused says so until it is made', async () => {
  forbidden = ({ method, path }) => method === 'POST' && path.endsWith('/storageclasses')
  await client.resource(VirtualMachineImage).create({
    metadata: { name: 'debian', namespace: 'default' },
    spec: { displayName: 'debian', sourceType: 'download', url: 'https://images.example/debian.qcow2' },
  } as VirtualMachineImage)
  await shows(VirtualMachineImage, 'debian', 'default')
}, 20_000)

test('a namespace whose default service account a quota refuses says so until it is made', async () => {
  await client.resource(Namespace).create({ metadata: { name: 'team' } } as Namespace)
  const accounts = client.resource(ServiceAccount)
  await expect.poll(async () => (await accounts.list({ namespace: 'team' })).items.length).toBe(1)
  const quotas = client.resource(ResourceQuota)
  await quotas.create({
    metadata: { name: 'none', namespace: 'team' },
    spec: { hard: { 'count/serviceaccounts': '0' } },
  })
  await accounts.delete('default', 'team')
  await expect
    .poll(() => synchronized(Namespace, 'team'), { timeout: 5000 })
    .toMatchObject({ status: 'False', message: expect.stringMatching(/"default" is forbidden: exceeded quota: none/) })
  await quotas.delete('none', 'team')
  await expect.poll(() => synchronized(Namespace, 'team'), { timeout: 5000 }).toBeUndefined()
  expect((await accounts.get('default', 'team')).metadata.name).toBe('default')
}, 20_000)

test('a pod whose binding is refused says so, and so do its instance and its machine', async () => {
  await simulateAgent(secure.server.transport(), stop.signal)
  forbidden = ({ path }) => path.endsWith('/binding')
  await client.resource(VirtualMachine).create(testMachine('web'))
  await expect
    .poll(() => synchronized(VirtualMachine, 'web', 'default'), { timeout: 5000 })
    .toMatchObject({
      status: 'False',
      message: words,
    })
  const [pod] = (await client.resource(Pod).list({ namespace: 'default' })).items
  await shows(Pod, pod?.metadata.name ?? '', 'default', ['Pod', 'VirtualMachineInstance', 'VirtualMachine'])
  await expect.poll(() => synchronized(VirtualMachine, 'web', 'default'), { timeout: 5000 }).toBeUndefined()
}, 20_000)

test('a claim that may not be given a node says so, and so does the machine that waits for it', async () => {
  await simulateAgent(secure.server.transport(), stop.signal)
  forbidden = ({ method, path }) => method !== 'GET' && path.endsWith('/persistentvolumeclaims/web-root')
  await client.resource(VirtualMachine).create(testMachine('web'))
  await shows(PersistentVolumeClaim, 'web-root', 'default')
}, 20_000)

test('what an earlier run of the controllers showed is over when this one gets through', async () => {
  await client.resource(Namespace).create({ metadata: { name: 'team' } } as Namespace)
  await expect.poll(() => client.resource(ServiceAccount).list({ namespace: 'team' })).toBeDefined()
  const before = { type: 'Synchronized', status: 'False', reason: 'FailedCreate', message: words }
  const condition = { ...before, lastTransitionTime: '2026-01-01T00:00:00Z' }
  await client.resource(Namespace).patch('team', undefined, { status: { conditions: [condition] } }, 'merge', {
    subresource: 'status',
  })
  await expect.poll(() => synchronized(Namespace, 'team'), { timeout: 5000 }).toBeUndefined()
})
