import { Addon } from '@thresher/api/harvester/addon'
import { VirtualMachineTemplateVersion } from '@thresher/api/harvester/virtual-machine-template-version'
import { VirtualMachineTemplate } from '@thresher/api/harvester/virtual-machine-template'
import { kinds } from '@thresher/api/kinds'
import { claimTemplatesAnnotation } from '@thresher/api/kubevirt/claim-templates'
import { KubeVirt } from '@thresher/api/kubevirt/kube-virt'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { startTestServer, type TestServer } from '@thresher/apiserver/testing'
import { Client } from '@thresher/client/client'
import { runControllers } from '@thresher/client/controller'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { notBuiltController } from '../not-built/not-built.ts'
import { defaultObjectsController } from './default-objects.ts'

let server: TestServer
let client: Client
const stop = new AbortController()

beforeAll(async () => {
  server = await startTestServer({ kinds })
  client = new Client(server.transport())
  const options = { transport: server.transport(), signal: stop.signal, component: 'test' }
  await runControllers([defaultObjectsController, notBuiltController], options)
})

afterAll(async () => {
  stop.abort()
  await server.close()
})

const kubeVirt = () => client.resource(KubeVirt).get('kubevirt', 'harvester-system')

test('one KubeVirt object says that virtualization is there, and its version; it comes again when it is deleted', async () => {
  const deployed = { status: { phase: 'Deployed', operatorVersion: expect.stringMatching(/^v1\.\d+\.\d+$/) } }
  await expect.poll(kubeVirt).toMatchObject(deployed)
  const { items } = await client.resource(KubeVirt).list()
  expect(items).toHaveLength(1)
  const first = items[0]?.metadata.uid
  await client.resource(KubeVirt).delete('kubevirt', 'harvester-system')
  await expect.poll(async () => (await kubeVirt().catch(() => undefined))?.metadata.uid).not.toBe(first)
  await expect.poll(() => kubeVirt().catch(() => undefined)).toMatchObject(deployed)
})

test('the default templates are there, and a machine can be made of each as it is', async () => {
  const names = ['iso-image-base', 'raw-image-base', 'windows-iso-image-base', 'windows-raw-image-base']
  const listed = async () => (await client.resource(VirtualMachineTemplate).list()).items
  await expect
    .poll(async () =>
      (await listed()).map(({ metadata }) => metadata.name).toSorted((a, b) => (a ?? '').localeCompare(b ?? '')),
    )
    .toEqual(names)
  for (const template of await listed()) {
    const [namespace, name = ''] = template.spec?.defaultVersionId?.split('/') ?? []
    const version = await client.resource(VirtualMachineTemplateVersion).get(name, namespace)
    expect(version.spec.templateId).toBe(`${namespace}/${template.metadata.name}`)
    const { vm } = version.spec
    const annotations = (vm?.metadata as VirtualMachine['metadata'] | undefined)?.annotations
    expect(JSON.parse(annotations?.[claimTemplatesAnnotation] ?? '')).toHaveLength(
      vm?.spec?.template?.spec.volumes?.length ?? 0,
    )
    await client.resource(VirtualMachine).create({
      metadata: { name: template.metadata.name, namespace: 'default', annotations },
      spec: { ...vm?.spec, runStrategy: 'Halted' } as VirtualMachine['spec'],
    })
  }
})

test('the base add-ons are there, switched off; one that is enabled says that it cannot be', async () => {
  const addons = client.resource(Addon)
  await expect.poll(async () => (await addons.list()).items.length).toBe(6)
  const seeder = () => addons.get('harvester-seeder', 'harvester-system')
  expect((await seeder()).spec.enabled).toBe(false)
  expect((await seeder()).status?.conditions ?? []).toEqual([])
  await addons.patch('harvester-seeder', 'harvester-system', { spec: { enabled: true } })
  await expect
    .poll(async () => (await seeder()).status?.conditions)
    .toEqual([expect.objectContaining({ type: 'OperationFailed', status: 'True', reason: 'NotBuilt' })])
})
