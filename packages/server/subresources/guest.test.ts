import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { Client } from '@thresher/client/client'
import { MemoryTransport } from '@thresher/client/testing'
import { beforeEach, expect, test } from 'vitest'
import type { SubresourceAnswer, SubresourceCall } from '@thresher/apiserver/subresource'
import { kubevirtSubresources } from './subresources.ts'

let client: Client
let asked: string[]

beforeEach(() => {
  client = new Client(new MemoryTransport())
  asked = []
})

const dialer = {
  request(node: string, method: string, path: string): Promise<SubresourceAnswer> {
    asked.push(`${node} ${method} ${path}`)
    return Promise.resolve({ status: 200, body: { hostname: 'web' } })
  },
  stream: () => Promise.reject(new Error('no agent')),
  upgrade: () => Promise.resolve(),
  close: () => {},
}

async function instance(phase: string, ...conditions: string[]): Promise<void> {
  const instances = client.resource(VirtualMachineInstance)
  const made = await instances.create({
    metadata: { name: 'web', namespace: 'default' },
    spec: { domain: { devices: {} } },
  })
  const status = { phase, nodeName: 'n1', conditions: conditions.map((type) => ({ type, status: 'True' })) }
  await instances.updateStatus({ ...made, status })
}

function call(subresource: string, method = 'PUT', more: Partial<SubresourceCall> = {}): Promise<SubresourceAnswer> {
  const handlers = kubevirtSubresources(() => ({ client, dialer }))
  const handler = handlers.find((each) => each.plural === 'virtualmachineinstances' && each.subresource === subresource)
  const signal = AbortSignal.timeout(5000)
  const request = {
    user: { name: 'u', groups: [] },
    headers: {},
    namespace: 'default',
    name: 'web',
    rest: '',
    method,
    query: new URLSearchParams(),
    body: {},
    signal,
  }
  return handler!.handle!({ ...request, ...more })
}

test('an operation on a running guest is passed to the agent of its node', async () => {
  await instance('Running', 'AgentConnected')
  expect(await call('guestosinfo', 'GET')).toEqual({ status: 200, body: { hostname: 'web' } })
  await call('pause')
  await call('vnc', 'GET', { rest: 'screenshot', query: new URLSearchParams('moveCursor=true') })
  expect(asked).toEqual([
    'n1 GET /vmi/default/web/guestosinfo',
    'n1 PUT /vmi/default/web/pause',
    'n1 GET /vmi/default/web/vnc/screenshot?moveCursor=true',
  ])
})

test('without an instance it is not found, in the words that virtctl prints', async () => {
  await expect(call('pause')).rejects.toMatchObject({
    code: 404,
    message: 'virtualmachineinstance.kubevirt.io "web" not found',
  })
})

test('what does not fit the state is refused before the agent is asked', async () => {
  await instance('Scheduled')
  const refusal = (why: string) => ({
    code: 409,
    message: `Operation cannot be fulfilled on virtualmachineinstance.kubevirt.io "web": ${why}`,
  })
  await expect(call('pause')).rejects.toMatchObject(refusal('VMI is not running'))
  await client.resource(VirtualMachineInstance).delete('web', 'default')
  await instance('Running', 'Paused')
  await expect(call('pause')).rejects.toMatchObject(refusal('VMI is already paused'))
  await expect(call('userlist', 'GET')).rejects.toMatchObject(refusal('VMI does not have guest agent connected'))
  await call('unpause')
  expect(asked).toHaveLength(1)
})

test('a dry run checks and does nothing', async () => {
  await instance('Running')
  expect((await call('reset', 'PUT', { body: { dryRun: ['All'] } })).status).toBe(200)
  expect(asked).toEqual([])
})

test('a console asked for without an upgrade, and what is not built, say so', async () => {
  await instance('Running')
  await expect(call('console', 'GET')).rejects.toMatchObject({ code: 400 })
  await expect(call('usbredir', 'GET')).rejects.toMatchObject({ code: 501 })
})
