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
const settings = '/apis/harvesterhci.io/v1beta1/settings'
const machines = '/apis/kubevirt.io/v1/namespaces/default/virtualmachines'
const instances = '/apis/kubevirt.io/v1/namespaces/default/virtualmachineinstances'

const machine = (name: string, memory: string) => ({
  metadata: { name },
  spec: {
    runStrategy: 'Always',
    template: { spec: { domain: { memory: { guest: memory }, devices: {} } } },
  },
})

describe('a Setting', () => {
  test('has no value while it is empty, in an answer or after a change', async () => {
    await expect.poll(async () => (await ask('GET', `${settings}/ssl-parameters`)).code).toBe(200)
    expect(await ask('GET', `${settings}/ssl-parameters`)).not.toHaveProperty('value')
    expect(await ask('PATCH', `${settings}/ui-index`, { value: '' }, merge)).not.toHaveProperty('value')
  })

  test.each([
    ['storage-network', '{"vlan":5000,"clusterNetwork":"mgmt","range":"192.168.0.0/24"}', /vlan/],
    ['storage-network', '{"vlan":5,"clusterNetwork":"mgmt","range":"192.0.0.0/8"}', /prefix length/],
    ['backup-target', '{"type":"s3","bucketName":"b","bucketRegion":"r"}', /access key/],
    ['backup-target', '{"type":"nfs"}', /endpoint/],
  ])('%s is checked: %s', async (name, value, words) => {
    const { code, message } = await ask('PATCH', `${settings}/${name}`, { value }, merge)
    expect(code).toBe(422)
    expect(message).toMatch(words)
  })
})

describe('a volume', () => {
  test('of the class that the cluster has waits for no pod', async () => {
    const path = '/apis/storage.k8s.io/v1/storageclasses/local'
    await expect.poll(async () => (await ask('GET', path)).volumeBindingMode).toBe('Immediate')
  })

  test('with a wrong size is refused in the words of Kubernetes', async () => {
    const body = {
      metadata: { name: 'wrong' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: 'much' } } },
    }
    const { message } = await ask('POST', '/api/v1/namespaces/default/persistentvolumeclaims', body)
    expect(message).toContain(
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    )
  })
})

describe('a machine', () => {
  test('that is too large for any node is created, and says what no node has', async () => {
    await ask('POST', '/api/v1/nodes', { metadata: { name: 'small' } })
    const ready = { type: 'Ready', status: 'True', reason: 'KubeletReady' }
    const size = { cpu: '2', memory: '4Gi', pods: '100' }
    const status = { capacity: size, allocatable: size, conditions: [ready] }
    await ask('PATCH', '/api/v1/nodes/small/status', { status }, merge)
    expect((await ask('POST', machines, machine('vast', '4Ti'))).code).toBe(201)
    await expect
      .poll(async () => (await ask('GET', `${machines}/vast`)).status?.printableStatus, { timeout: 5000 })
      .toBe('ErrorUnschedulable')
    const { status: shown } = await ask('GET', `${machines}/vast`)
    expect(JSON.stringify(shown.conditions)).toMatch(/memory/)
  })

  test('has an instance whose relationships name its pod, and a node that says what its pods ask for', async () => {
    expect((await ask('POST', machines, machine('fits', '128Mi'))).code).toBe(201)
    const bound = async () => {
      const { items } = await ask('GET', '/api/v1/namespaces/default/pods?labelSelector=vm.kubevirt.io/name=fits')
      return items[0]?.spec.nodeName === 'small' && (items[0].metadata.name as string)
    }
    await expect.poll(bound, { timeout: 5000 }).toBeTruthy()
    const pod = await bound()
    const { metadata } = await ask('GET', `/v1/harvester/kubevirt.io.virtualmachineinstances/default/fits`)
    expect(metadata.relationships).toContainEqual(
      expect.objectContaining({ toType: 'pod', toId: `default/${pod}`, rel: 'owner' }),
    )
    expect((await ask('GET', `${instances}/fits`)).code).toBe(200)
    const requests = async () => (await ask('GET', '/api/v1/nodes/small')).metadata.annotations
    await expect.poll(requests, { timeout: 8000 }).toMatchObject({
      'management.cattle.io/pod-requests': expect.stringMatching(/"memory":"\d+\w*","pods":"1"/) as string,
    })
  })
})
