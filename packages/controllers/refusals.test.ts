import { setTimeout as delay } from 'node:timers/promises'
import { Event } from '@thresher/api/core/event'
import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { Pod } from '@thresher/api/core/pod'
import { ResourceQuota } from '@thresher/api/core/resource-quota'
import { isReason } from '@thresher/api/error'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import type { Condition, KubeObject } from '@thresher/api/meta'
import { startSecureServer, type SecureServer } from '@thresher/apiserver/auth/testing'
import { Client } from '@thresher/client/client'
import { findCondition } from '@thresher/client/conditions'
import { bareWordsShown } from '@thresher/client/testing-words'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startControllers } from './controllers.ts'
import { simulateAgent, testMachine } from './testing.ts'

let secure: SecureServer
let client: Client
let stop: AbortController

beforeEach(async () => {
  stop = new AbortController()
  secure = await startSecureServer()
  const { server } = secure
  client = new Client(server.transport())
  await startControllers({ transport: server.transport(), signal: stop.signal })
  await simulateAgent(server.transport(), stop.signal)
})

afterEach(async () => {
  const bare = await bareWordsShown(client)
  stop.abort(new Error('test over'))
  await secure.close()
  expect(bare).toEqual([])
})

/** @param withinMs below the longest wait for the next try, where the change itself must have brought it */
async function until<T>(what: string, look: () => Promise<T | undefined | false>, withinMs = 10_000): Promise<T> {
  const deadline = Date.now() + withinMs
  while (Date.now() < deadline) {
    const found = await look().catch((error: unknown) => {
      if (isReason(error, 'NotFound')) return undefined
      throw error
    })
    if (found) return found
    await delay(5)
  }
  throw new Error(`${what} did not happen: ${JSON.stringify((await client.resource(VirtualMachine).list()).items)}`)
}

const machine = () => client.resource(VirtualMachine).get('web', 'default')
const instance = () => client.resource(VirtualMachineInstance).get('web', 'default')

function condition(object: KubeObject & { status?: { conditions?: unknown } }, type: string): Condition | undefined {
  return findCondition(object.status?.conditions as Condition[] | undefined, type)
}

/** The object once it shows a refusal in these words. */
function refused<O extends KubeObject & { status?: object }>(get: () => Promise<O>, words: RegExp): Promise<O> {
  return until(`a refusal ${words}`, async () => {
    const object = await get()
    const shown = condition(object, 'Synchronized')
    return shown?.status === 'False' && shown.reason === 'FailedCreate' && words.test(shown.message ?? '') && object
  })
}

async function quota(hard: Record<string, string>): Promise<void> {
  await client.resource(ResourceQuota).create({ metadata: { name: 'team', namespace: 'default' }, spec: { hard } })
}

async function setQuota(hard: Record<string, string>): Promise<void> {
  await client.resource(ResourceQuota).patch('team', 'default', { spec: { hard } })
}

function limited(memory: string): VirtualMachine {
  const made = testMachine('web')
  made.spec.template.spec.domain.resources = { limits: { cpu: '1', memory } }
  return made
}

async function warnings(kind: string): Promise<string[]> {
  const { items } = await client.resource(Event).list({ namespace: 'default' })
  return items
    .filter(({ type, involvedObject }) => type === 'Warning' && involvedObject.kind === kind)
    .map(({ reason, message }) => `${reason}: ${message}`)
}

async function running(): Promise<VirtualMachine> {
  return until(
    'the machine runs',
    async () => {
      const found = await machine()
      return found.status?.printableStatus === 'Running' && found
    },
    4000,
  )
}

test('a machine whose pod a quota refuses says so in the words of the API, and goes on when the quota is raised', async () => {
  await quota({ 'limits.memory': '300Mi', 'limits.cpu': '4' })
  await client.resource(VirtualMachine).create(limited('256Mi'))
  const sentence = /^pods "virt-launcher-web-\w+" is forbidden: exceeded quota: team, requested: limits\.memory=/
  const held = await refused(machine, sentence)
  expect(condition(held, 'Failure')).toMatchObject({ status: 'True', reason: 'FailedCreate' })
  const waiting = await instance()
  expect(waiting.status?.phase).toBe('Pending')
  for (const type of ['Synchronized', 'Ready']) expect(condition(waiting, type)?.message, type).toMatch(sentence)
  for (const kind of ['VirtualMachine', 'VirtualMachineInstance'])
    await until(`an event on the ${kind}`, async () =>
      (await warnings(kind)).some((text) => /^FailedCreate: pods .* exceeded quota: team/.test(text)),
    )
  // By now the waits between the tries are longer than what is given the machine to run.
  await delay(5500)
  await setQuota({ 'limits.memory': '2Gi' })
  const { status } = await running()
  expect(status?.conditions?.map(({ type }) => type)).not.toContain('Synchronized')
  expect(status?.conditions?.map(({ type }) => type)).not.toContain('Failure')
  expect(condition(await instance(), 'Synchronized')).toBeUndefined()
  const [pod] = (await client.resource(Pod).list({ namespace: 'default' })).items
  expect(pod?.spec.containers[0]?.resources?.limits).toMatchObject({ cpu: '1' })
}, 30_000)

test('a machine whose limits a quota asks for and that has none says which', async () => {
  await quota({ 'limits.memory': '2Gi' })
  await client.resource(VirtualMachine).create(testMachine('web'))
  await refused(machine, /must specify limits\.memory/)
})

test('a machine whose claim or instance is refused says so, keeps what it was asked, and goes on', async () => {
  await quota({ persistentvolumeclaims: '0' })
  await client.resource(VirtualMachine).create(testMachine('web'))
  const held = await refused(machine, /^persistentvolumeclaims "web-root" is forbidden: exceeded quota: team/)
  expect(held.status).toMatchObject({ printableStatus: 'Stopped', created: false })
  await setQuota({ persistentvolumeclaims: '5', 'count/virtualmachineinstances.kubevirt.io': '0' })
  await refused(machine, /^virtualmachineinstances\.kubevirt\.io "web" is forbidden/)
  expect(await client.resource(PersistentVolumeClaim).get('web-root', 'default')).toBeDefined()
  await client.resource(ResourceQuota).delete('team', 'default')
  expect(condition(await running(), 'Synchronized')).toBeUndefined()
})
