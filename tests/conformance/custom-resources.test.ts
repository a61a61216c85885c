import { kubectlFor, type Kubectl } from '@thresher/apiserver/kubectl'
import { Client } from '@thresher/client/client'
import { httpsTransport } from '@thresher/client/node/https-transport'
import { loadKubeconfig } from '@thresher/client/node/kubeconfig'
import type { Transport } from '@thresher/client/transport'
import type { KubeObject } from '@thresher/api/meta'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startWholeServer, type WholeServer } from '../security/whole-server.ts'

let server: WholeServer
let kubectl: Kubectl
let transport: Transport

const schema = {
  openAPIV3Schema: {
    type: 'object',
    properties: {
      spec: { type: 'object', properties: { color: { type: 'string', description: 'What it looks like.' } } },
    },
  },
}
const version = (name: string, more: object) => ({
  name,
  served: true,
  storage: false,
  schema,
  selectableFields: [{ jsonPath: '.spec.color' }],
  ...more,
})
const definition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'shirts.stable.example.com' },
  spec: {
    group: 'stable.example.com',
    scope: 'Namespaced',
    names: { plural: 'shirts', kind: 'Shirt' },
    versions: [
      version('v1', { storage: true }),
      version('v1beta1', { deprecated: true }),
      version('v1alpha1', { deprecated: true, deprecationWarning: 'shirts of v1alpha1 go in May' }),
    ],
  },
}
const shirt = (name: string, color: string) => ({
  apiVersion: 'stable.example.com/v1',
  kind: 'Shirt',
  metadata: { name, namespace: 'default' },
  spec: { color },
})
const kindOf = (name: string) => ({
  group: 'stable.example.com',
  version: name,
  kind: 'Shirt',
  plural: 'shirts',
  namespaced: true,
  apiVersion: `stable.example.com/${name}`,
})

beforeAll(async () => {
  server = await startWholeServer()
  kubectl = await kubectlFor(server.kubeconfig)
  transport = httpsTransport(loadKubeconfig(server.kubeconfig))
  expect(await kubectl('apply', '-f', '-', { input: JSON.stringify(definition) })).toMatchObject({ code: 0 })
  expect(await kubectl('wait', '--for=condition=Established', 'crd/shirts.stable.example.com')).toMatchObject({
    code: 0,
  })
})
afterAll(async () => {
  await transport.close()
  await kubectl[Symbol.asyncDispose]()
  await server.close()
})

test('a deprecated version warns whoever uses it, in its own words or in those of Kubernetes', async () => {
  const asked = async (name: string) => (await kubectl('get', `shirts.${name}.stable.example.com`)).stderr
  expect(await asked('v1beta1')).toContain('Warning: stable.example.com/v1beta1 Shirt is deprecated')
  expect(await asked('v1alpha1')).toContain('Warning: shirts of v1alpha1 go in May')
  expect(await asked('v1')).not.toContain('Warning')
})

test('the selectable fields of a custom kind select in lists and in watches, other fields are refused', async () => {
  const shirts = new Client(transport).resource<KubeObject & { spec: { color: string } }>(kindOf('v1'))
  await shirts.create(shirt('one', 'blue'))
  await shirts.create(shirt('two', 'red'))
  const list = await shirts.list({ namespace: 'default', fieldSelector: 'spec.color=blue' })
  expect(list.items.map(({ metadata }) => metadata.name)).toEqual(['one'])
  expect((await kubectl('get', 'shirts', '--field-selector', 'spec.size=1')).stderr).toContain('spec.size')

  const stop = new AbortController()
  const watch = shirts.watch({
    namespace: 'default',
    fieldSelector: 'spec.color=blue',
    resourceVersion: list.metadata.resourceVersion,
    signal: stop.signal,
  })
  const seen: string[] = []
  const follow = (async () => {
    for await (const { type, object } of watch) {
      seen.push(`${type} ${object.metadata.name}`)
      if (seen.length === 2) return
    }
  })()
  await shirts.patch('two', 'default', { spec: { color: 'blue' } })
  await shirts.patch('one', 'default', { spec: { color: 'red' } })
  await follow
  stop.abort()
  expect(seen).toEqual(['ADDED two', 'DELETED one'])
})

test('a custom kind is explained in its own words', async () => {
  await expect
    .poll(async () => (await kubectl('explain', 'shirt.spec')).stdout, { timeout: 10_000 })
    .toContain('What it looks like.')
})
