import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startWholeServer, type Caller, type WholeServer } from './whole-server.ts'

let server: WholeServer
let tenant: Caller
beforeAll(async () => {
  server = await startWholeServer()
  tenant = server.caller('tenant')
  for (const name of ['theirs', 'victim'])
    await server.ask(server.admin, 'POST', '/api/v1/namespaces', { metadata: { name } })
  await server.ask(server.admin, 'POST', '/apis/rbac.authorization.k8s.io/v1/namespaces/theirs/rolebindings', {
    metadata: { name: 'tenant' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'edit' },
    subjects: [{ kind: 'User', name: 'tenant', apiGroup: 'rbac.authorization.k8s.io' }],
  })
  const held = await write(server.admin, 'victim', 'bank', { mac: '52:54:00:aa:00:01', address: '10.52.7.7' })
  expect(held.status).toBe(201)
})
afterAll(() => server.close())

let count = 0
const machines = (namespace: string) => `/apis/kubevirt.io/v1/namespaces/${namespace}/virtualmachines`
function machine(name: string, { mac, address }: { mac?: string; address?: string }) {
  return {
    metadata: { name },
    spec: {
      runStrategy: 'Halted',
      template: {
        metadata:
          address === undefined
            ? {}
            : { annotations: { 'thresher.io/addresses': JSON.stringify({ default: address }) } },
        spec: {
          domain: {
            resources: { requests: { memory: '64Mi' } },
            devices: {
              interfaces: [{ name: 'default', masquerade: {}, ...(mac === undefined ? {} : { macAddress: mac }) }],
            },
          },
          networks: [{ name: 'default', pod: {} }],
        },
      },
    },
  }
}
function write(as: Caller, namespace: string, name: string, what: { mac?: string; address?: string }) {
  return server.ask(as, 'POST', machines(namespace), machine(name, what))
}
const attack = (what: { mac?: string; address?: string }) => write(tenant, 'theirs', `attack-${count++}`, what)

describe('somebody who may edit one namespace', () => {
  test.each([
    '10.52.0.01',
    '10.52.07.7',
    '012.52.0.1',
    '0xa.52.0.1',
    '171180033',
    '::ffff:10.52.0.1',
    '10.52.7.7/32',
    ' 10.52.7.7',
  ])('cannot ask for an address in the form %j, which others read as another', async (address) => {
    const { status, text } = await attack({ address })
    expect(text).toContain('is no IPv4 address')
    expect(status).toBe(422)
  })

  test('cannot take a neighbour’s address, nor learn whose it is', async () => {
    const { status, text } = await attack({ address: '10.52.7.7' })
    expect(status).toBe(422)
    expect(text).toContain('10.52.7.7 belongs to a machine in another namespace')
    expect(text).not.toContain('bank')
  })

  test.each(['52:54:00:aa:00:01', '52-54-00-AA-00-01', '52:54:00:Aa:00:01'])(
    'cannot take a neighbour’s MAC address as %s',
    async (mac) => {
      const { status, text } = await attack({ mac })
      expect(status).toBe(422)
      expect(text).toContain('52:54:00:aa:00:01 belongs to a machine in another namespace')
    },
  )

  test.each(['0a:00:0a:34:00:01', '0A-00-0A-34-00-01', '01:00:5e:00:00:fb', 'ff:ff:ff:ff:ff:ff', '00:00:00:00:00:00'])(
    'cannot have the MAC address %s, a gateway’s or nobody’s',
    async (mac) => expect((await attack({ mac })).status).toBe(422),
  )

  test('cannot come to a neighbour’s address by changing a machine, and may still change the rest of it', async () => {
    expect((await write(tenant, 'theirs', 'mine', { mac: '52:54:00:aa:00:02', address: '10.52.7.8' })).status).toBe(201)
    const patch = (body: object) =>
      server.ask(tenant, 'PATCH', `${machines('theirs')}/mine`, body, 'application/merge-patch+json')
    const taking = machine('mine', { mac: '52-54-00-aa-00-01', address: '10.52.7.8' })
    expect((await patch({ spec: { template: taking.spec.template } })).status).toBe(422)
    const addresses = { 'thresher.io/addresses': '10.52.7.7' }
    expect((await patch({ spec: { template: { metadata: { annotations: addresses } } } })).status).toBe(422)
    expect((await patch({ metadata: { labels: { a: 'b' } } })).status).toBe(200)
  })
})
