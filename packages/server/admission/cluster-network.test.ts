import { ClusterNetwork } from '@thresher/api/network/cluster-network'
import type { KubeObject } from '@thresher/api/meta'
import { expect, test } from 'vitest'
import { clusterNetwork } from './cluster-network.ts'
import type { Lookup } from './request.ts'

const there: Record<string, object[]> = {
  vlanconfigs: [{ metadata: { name: 'rack' }, spec: { clusterNetwork: 'fast' } }],
  'network-attachment-definitions': [
    { metadata: { name: 'db', namespace: 'lab', labels: { 'network.harvesterhci.io/clusternetwork': 'slow' } } },
  ],
}
const objects: Lookup = {
  get: () => undefined,
  list: <O extends KubeObject>({ plural }: { plural: string }) => (there[plural] ?? []) as O[],
}

function remove(name: string, groups: string[] = ['system:masters']) {
  return clusterNetwork(() => objects).validate?.({
    operation: 'DELETE',
    kind: ClusterNetwork,
    subresource: '',
    namespace: '',
    name,
    user: { name: 'u', groups },
    oldObject: { apiVersion: 'network.harvesterhci.io/v1beta1', kind: 'ClusterNetwork', metadata: { name } },
    dryRun: false,
    warnings: [],
  })
}

test('the management network cannot be deleted, by an administrator neither', () => {
  expect(remove('mgmt')).toMatchObject([
    { field: 'metadata.name', message: 'the cluster network mgmt cannot be deleted, as every host and guest is on it' },
  ])
})

test('a cluster network stays while an uplink or a network is built on it', () => {
  expect(remove('fast')).toMatchObject([{ message: expect.stringContaining('the VlanConfig rack') }])
  expect(remove('slow')).toMatchObject([{ message: expect.stringContaining('the network lab/db') }])
  expect(remove('unused')).toBeUndefined()
})
