import { ConfigMap } from '@thresher/api/core/config-map'
import { kubectlFor } from '@thresher/apiserver/kubectl'
import { Client } from '@thresher/client/client'
import { Informer } from '@thresher/client/informer'
import { httpsTransport } from '@thresher/client/node/https-transport'
import { loadOwnKubeconfig } from '@thresher/client/node/kubeconfig'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { startWholeServer, type WholeServer } from '../security/whole-server.ts'

let server: WholeServer
beforeAll(async () => {
  server = await startWholeServer()
  await server.ask(server.admin, 'POST', configMaps, { metadata: { name: 'a', labels: { mine: 'yes' } } })
  await server.ask(server.admin, 'POST', keyPairs, { metadata: { name: 'a' }, spec: { publicKey } })
})
afterAll(() => server.close())

const configMaps = '/api/v1/namespaces/default/configmaps'
const keyPairs = '/apis/harvesterhci.io/v1beta1/namespaces/default/keypairs'
const publicKey = `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${'A'.repeat(42)}A a`

interface List {
  kind: string
  items: Record<string, unknown>[]
}

describe('a list', () => {
  test.each(['', '&limit=1'])('of a kind of Kubernetes names the type once, as its own (%s)', async (more) => {
    const { text } = await server.ask(server.admin, 'GET', `${configMaps}?labelSelector=mine${more}`)
    const list = JSON.parse(text) as List
    expect(list).toMatchObject({ kind: 'ConfigMapList', apiVersion: 'v1' })
    expect(list.items).toHaveLength(1)
    expect(Object.keys(list.items[0]!)).toEqual(['metadata'])
  })

  test('of a kind that is a custom one in other clusters names it with each item', async () => {
    const { text } = await server.ask(server.admin, 'GET', keyPairs)
    const list = JSON.parse(text) as List
    expect(list.kind).toBe('KeyPairList')
    expect(list.items).toMatchObject([{ apiVersion: 'harvesterhci.io/v1beta1', kind: 'KeyPair' }])
  })

  test('has whole objects for the clients of this project', async () => {
    const transport = httpsTransport(loadOwnKubeconfig(server.kubeconfig))
    const resource = new Client(transport).resource(ConfigMap)
    const expected = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } }
    expect((await resource.list({ namespace: 'default', labelSelector: 'mine' })).items).toMatchObject([expected])
    const end = new AbortController()
    const informer = new Informer(resource, { namespace: 'default' })
    const running = informer.run(end.signal)
    await informer.synced
    expect(informer.get('default/a')).toMatchObject(expected)
    end.abort()
    await running
    await transport.close()
  })

  test('is whole for kubectl, which fills the types in', async () => {
    await using kubectl = await kubectlFor(server.kubeconfig)
    const { stdout } = await kubectl('get', 'configmaps', '-l', 'mine', '-o', 'yaml')
    expect(parse(stdout)).toMatchObject({ items: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } }] })
  })
})
