import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startWholeServer, type WholeServer } from '../security/whole-server.ts'

let server: WholeServer
beforeAll(async () => (server = await startWholeServer()))
afterAll(() => server.close())

const services = '/api/v1/namespaces/default/services'

// oxlint-disable-next-line typescript/no-explicit-any -- answers are looked at as they come
async function ask(method: string, path: string, body?: object, type?: string): Promise<any> {
  const { status, text } = await server.ask(server.admin, method, path, body, type)
  return { code: status, ...(JSON.parse(text) as object) }
}
const create = (name: string, spec: object, query = '') =>
  ask('POST', services + query, { metadata: { name }, spec: { ports: [{ port: 80 }], ...spec } })
const merge = 'application/merge-patch+json'
const patch = (name: string, spec: object) => ask('PATCH', `${services}/${name}`, { spec }, merge)

describe('a Service', () => {
  test('gets an address of the service network and its defaults', async () => {
    const { code, spec } = await create('plain', {})
    expect(code).toBe(201)
    expect(spec).toEqual({
      type: 'ClusterIP',
      clusterIP: expect.stringMatching(/^10\.53\.\d+\.\d+$/) as string,
      clusterIPs: [spec.clusterIP],
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      internalTrafficPolicy: 'Cluster',
      sessionAffinity: 'None',
      ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
    })
  })

  test('keeps its address and ports when an update leaves them out, and may not choose another', async () => {
    const before = await create('keeps', { type: 'NodePort' })
    const { metadata } = before
    const bare = { metadata: { name: 'keeps', resourceVersion: metadata.resourceVersion } }
    const after = await ask('PUT', `${services}/keeps`, { ...bare, spec: { type: 'NodePort', ports: [{ port: 80 }] } })
    expect(after.spec).toEqual(before.spec)
    expect((await patch('keeps', { clusterIP: '10.53.9.9', clusterIPs: ['10.53.9.9'] })).code).toBe(422)
  })

  test('without an address, or with none of the cluster, has none', async () => {
    const headless = await create('headless', { clusterIP: 'None' })
    expect(headless.spec).toMatchObject({ clusterIP: 'None', clusterIPs: ['None'] })
    const external = await create('external', { type: 'ExternalName', externalName: 'a.example' })
    expect(external.code).toBe(201)
    expect(external.spec.clusterIP).toBeUndefined()
  })

  test('has the address that it names, which no other gets until it is deleted', async () => {
    expect((await create('named', { clusterIP: '10.53.7.7' })).spec.clusterIP).toBe('10.53.7.7')
    const second = await create('second', { clusterIP: '10.53.7.7' })
    expect(second).toMatchObject({ code: 422, message: expect.stringContaining('belongs to another') as string })
    await ask('DELETE', `${services}/named`)
    expect((await create('second', { clusterIP: '10.53.7.7' })).code).toBe(201)
  })

  test.each([
    [{ clusterIP: '10.54.0.1' }],
    [{ clusterIP: '10.53.0.0' }],
    [{ clusterIP: '10.53.255.255' }],
    [{ clusterIP: '10.53.0.1' }],
    [{ clusterIP: '10.53.1.01' }],
    [{ clusterIP: '10.53.1.1', clusterIPs: ['10.53.1.2'] }],
    [{ ipFamilyPolicy: 'RequireDualStack' }],
    [{ ipFamilies: ['IPv6'] }],
    [{ type: 'NodePort', ports: [{ port: 80, nodePort: 80 }] }],
    [{ type: 'NodePort', ports: [80, 81].map((port) => ({ name: `p${port}`, port, nodePort: 30_001 })) }],
  ])('is refused with %j', async (spec) => {
    expect((await create('refused', spec)).code).toBe(422)
  })

  test('takes nothing in a dry run', async () => {
    expect((await create('dry', { clusterIP: '10.53.8.8' }, '?dryRun=All')).code).toBe(201)
    expect((await create('wet', { clusterIP: '10.53.8.8' })).code).toBe(201)
  })

  test('gives its node ports back when it is one of the cluster alone, and its address when it is a name', async () => {
    const { spec } = await create('changes', { type: 'NodePort' })
    const { nodePort } = spec.ports[0]
    expect(nodePort).toBeGreaterThanOrEqual(30_000)
    expect(nodePort).toBeLessThanOrEqual(32_767)
    expect((await patch('changes', { type: 'ClusterIP' })).spec.ports[0].nodePort).toBeUndefined()
    expect((await create('takes', { type: 'NodePort', ports: [{ port: 80, nodePort }] })).code).toBe(201)
    const named = await patch('changes', { type: 'ExternalName', externalName: 'a.example' })
    expect(named.code).toBe(200)
    expect(named.spec.clusterIP).toBeUndefined()
  })

  test('with more ports than there are is refused at once', async () => {
    const ports = Array.from({ length: 5000 }, (_, index) => ({ name: `p${index}`, port: index + 1 }))
    expect((await create('many', { type: 'NodePort', ports })).code).toBe(422)
  })
})

test('of creations at once no two get the same, and of those that name one address one gets it', async () => {
  const made = await Promise.all(
    Array.from({ length: 60 }, (_, index) => create(`race-${index}`, { type: 'NodePort', ports: [{ port: 80 }] })),
  )
  const unique = (of: (service: (typeof made)[number]) => unknown) => new Set(made.map(of)).size
  expect(made.filter(({ code }) => code !== 201)).toEqual([])
  expect(unique(({ spec }) => spec.clusterIP)).toBe(60)
  expect(unique(({ spec }) => spec.ports[0].nodePort)).toBe(60)
  const named = await Promise.all(
    Array.from({ length: 20 }, (_, index) => create(`same-${index}`, { clusterIP: '10.53.6.6' })),
  )
  expect(named.filter(({ code }) => code === 201)).toHaveLength(1)
})

test('the API has a Service of its own, and gets it again', async () => {
  const read = async () => (await ask('GET', `${services}/kubernetes`)).spec?.clusterIP as string | undefined
  await expect.poll(read).toBe('10.53.0.1')
  const { metadata } = await ask('GET', `${services}/kubernetes`)
  await ask('DELETE', `${services}/kubernetes`)
  await expect.poll(read).toBe('10.53.0.1')
  expect((await ask('GET', `${services}/kubernetes`)).metadata.uid).not.toBe(metadata.uid)
})
