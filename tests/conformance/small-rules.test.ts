import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startWholeServer, type WholeServer } from '../security/whole-server.ts'

let server: WholeServer
beforeAll(async () => (server = await startWholeServer()))
afterAll(() => server.close())

// oxlint-disable-next-line typescript/no-explicit-any -- answers are looked at as they come
async function ask(method: string, path: string, body?: object, type?: string): Promise<any> {
  const { status, text } = await server.ask(server.admin, method, path, body, type)
  return { code: status, ...(JSON.parse(text) as object) }
}

const merge = 'application/merge-patch+json'

describe('field selectors', () => {
  test('compare an absent boolean with false, as drain tools and cloud controllers ask', async () => {
    await ask('POST', '/api/v1/nodes', { metadata: { name: 'open' } })
    await ask('POST', '/api/v1/nodes', { metadata: { name: 'closed' }, spec: { unschedulable: true } })
    const names = async (selector: string) => {
      const { items } = await ask('GET', `/api/v1/nodes?fieldSelector=${encodeURIComponent(selector)}`)
      return (items as { metadata: { name: string } }[]).map(({ metadata }) => metadata.name)
    }
    expect(await names('spec.unschedulable=false')).toContain('open')
    expect(await names('spec.unschedulable=false')).not.toContain('closed')
    expect(await names('spec.unschedulable=true')).toEqual(['closed'])
    expect(await names('spec.unschedulable!=true')).toContain('open')
  })
})

describe('a write through /status', () => {
  test('takes labels and annotations along, and nothing else, for a kind of Kubernetes', async () => {
    await ask('POST', '/api/v1/nodes', { metadata: { name: 'noted' } })
    const patch = {
      metadata: { labels: { seen: 'yes' }, annotations: { by: 'kubelet' }, finalizers: ['a.example/b'] },
      spec: { unschedulable: true },
      status: { phase: 'Running' },
    }
    const node = await ask('PATCH', '/api/v1/nodes/noted/status', patch, merge)
    expect(node).toMatchObject({
      code: 200,
      metadata: { labels: { seen: 'yes' }, annotations: { by: 'kubelet' } },
      status: { phase: 'Running' },
    })
    expect(node.spec?.unschedulable).toBeUndefined()
    expect(node.metadata.finalizers).toBeUndefined()
  })

  test('takes nothing but the status for a kind that is a custom one in other clusters', async () => {
    const path = '/apis/kubevirt.io/v1/namespaces/default/virtualmachines'
    const template = { spec: { domain: { devices: {} } } }
    await ask('POST', path, { metadata: { name: 'm' }, spec: { runStrategy: 'Halted', template } })
    const machine = await ask('PATCH', `${path}/m/status`, { metadata: { labels: { seen: 'yes' } } }, merge)
    expect(machine.metadata.labels).toBeUndefined()
  })
})

describe('a timeout in the query', () => {
  test.each([
    ['timeout=abc', 400],
    ['timeout=5', 400],
    ['timeout=1m30s', 200],
    ['timeout=0', 200],
    ['timeoutSeconds=abc', 400],
    ['timeoutSeconds=5', 200],
  ])('%s is answered with %i', async (query, code) => {
    expect((await ask('GET', `/api/v1/namespaces?${query}`)).code).toBe(code)
  })
})

describe('the authority of the cluster', () => {
  const path = '/api/v1/namespaces/fresh/configmaps/kube-root-ca.crt'
  const authority = async () => (await ask('GET', path)).data?.['ca.crt'] as string | undefined

  test('stands in every namespace, and comes back when it is changed or deleted', async () => {
    await ask('POST', '/api/v1/namespaces', { metadata: { name: 'fresh' } })
    await expect.poll(authority).toBe(server.ca)
    await ask('PATCH', path, { data: { 'ca.crt': 'another', more: 'x' } }, merge)
    await expect.poll(async () => (await ask('GET', path)).data).toEqual({ 'ca.crt': server.ca })
    await ask('DELETE', path)
    await expect.poll(authority).toBe(server.ca)
  })

  test('is how tokens of service accounts are checked from outside', async () => {
    const { issuer, jwks_uri } = await ask('GET', '/.well-known/openid-configuration')
    expect(issuer).toMatch(/^https:/)
    const { keys } = await ask('GET', new URL(jwks_uri as string).pathname)
    expect(keys).toEqual([expect.objectContaining({ use: 'sig', alg: 'ES256' })])
  })
})
