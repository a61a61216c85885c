import { VirtualMachineTemplateVersion } from '@thresher/api/harvester/virtual-machine-template-version'
import { VirtualMachineTemplate } from '@thresher/api/harvester/virtual-machine-template'
import { kinds } from '@thresher/api/kinds'
import { startTestServer, type TestServer } from '@thresher/apiserver/testing'
import { Client } from '@thresher/client/client'
import { runControllers } from '@thresher/client/controller'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { virtualMachineTemplateController } from './virtual-machine-template.ts'

let server: TestServer
let client: Client
const stop = new AbortController()

beforeAll(async () => {
  server = await startTestServer({ kinds })
  client = new Client(server.transport())
  const options = { transport: server.transport(), signal: stop.signal, component: 'test' }
  await runControllers([virtualMachineTemplateController], options)
})

afterAll(async () => {
  stop.abort()
  await server.close()
})

const template = () => client.resource(VirtualMachineTemplate).get('web', 'default')
const version = (name: string) => client.resource(VirtualMachineTemplateVersion).get(name, 'default')
const makeVersion = (name: string) =>
  client.resource(VirtualMachineTemplateVersion).create({
    metadata: { name, namespace: 'default' },
    spec: { templateId: 'default/web' },
  })

test('a version that comes before its template says so, and is numbered when that is there', async () => {
  await makeVersion('first')
  await expect
    .poll(async () => (await version('first')).status?.conditions)
    .toMatchObject([{ type: 'assigned', status: 'False', reason: 'TemplateNotFound' }])
  await client.resource(VirtualMachineTemplate).create({ metadata: { name: 'web', namespace: 'default' }, spec: {} })
  await expect
    .poll(() => version('first'))
    .toMatchObject({
      metadata: { ownerReferences: [{ kind: 'VirtualMachineTemplate', name: 'web' }] },
      status: { version: 1, conditions: [{ type: 'assigned', status: 'True' }] },
    })
  await expect
    .poll(template)
    .toMatchObject({ spec: { defaultVersionId: 'default/first' }, status: { defaultVersion: 1, latestVersion: 1 } })
})

test('further versions are numbered on, and the default can be moved', async () => {
  await makeVersion('second')
  await expect.poll(async () => (await version('second')).status?.version).toBe(2)
  await expect.poll(template).toMatchObject({ status: { defaultVersion: 1, latestVersion: 2 } })
  await client
    .resource(VirtualMachineTemplate)
    .patch('web', 'default', { spec: { defaultVersionId: 'default/second' } }, 'merge')
  await expect.poll(template).toMatchObject({ status: { defaultVersion: 2, latestVersion: 2 } })
})
