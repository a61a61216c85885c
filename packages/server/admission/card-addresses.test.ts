import { NetworkAttachmentDefinition } from '@thresher/api/cni/network-attachment-definition'
import { kinds } from '@thresher/api/kinds'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { startTestServer, type TestServer } from '@thresher/apiserver/testing'
import { Client } from '@thresher/client/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { cardAddresses } from './card-addresses.ts'

let server: TestServer
let client: Client

beforeAll(async () => {
  server = await startTestServer({ kinds, admission: [cardAddresses(() => server.api.objects)] })
  client = new Client(server.transport())
  for (const [name, clusterNetwork] of [
    ['office', 'fast'],
    ['lab', 'fast'],
    ['guests', 'slow'],
  ] as const)
    await client.resource(NetworkAttachmentDefinition).create({
      metadata: { name, namespace: 'default', labels: { 'network.harvesterhci.io/clusternetwork': clusterNetwork } },
      spec: {},
    })
})
afterAll(() => server.close())

const macAddress = '52:54:00:aa:00:01'

function make(name: string, networkName?: string): Promise<VirtualMachine> {
  const network = networkName === undefined ? { pod: {} } : { multus: { networkName } }
  return client.resource(VirtualMachine).create({
    metadata: { name, namespace: 'default' },
    spec: {
      runStrategy: 'Halted',
      template: {
        spec: {
          domain: {
            devices: { interfaces: [{ name: 'nic', bridge: {}, macAddress }] },
            resources: { limits: { cpu: '1', memory: '1Gi' } },
          },
          networks: [{ name: 'nic', ...network }],
        },
      },
    },
  })
}

test('a hardware address is one machine’s on each cluster network, whatever the network of it is called', async () => {
  await make('first', 'office')
  await expect(make('second', 'default/lab')).rejects.toThrow(
    'duplicate mac address present for vm second for cluster network fast: 52:54:00:aa:00:01 belongs to machine first',
  )
  await make('third', 'guests')
  await make('fourth')
  await expect(make('fifth')).rejects.toThrow('duplicate mac address present for vm fifth for cluster network mgmt')
})
