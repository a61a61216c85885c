import { NetworkAttachmentDefinition } from '@thresher/api/cni/network-attachment-definition'
import { managementSwitch } from '@thresher/api/management-network'
import { ClusterNetwork } from '@thresher/api/network/cluster-network'
import { VlanConfig } from '@thresher/api/network/vlan-config'
import { keyOf } from '@thresher/client/paths'
import type { AdmissionStep } from '@thresher/apiserver/admission'
import { concerns, type Lookup } from './request.ts'

const networkLabel = 'network.harvesterhci.io/clusternetwork'

/** The management network is always there; another stays while something is built on it. */
export function clusterNetwork(objects: () => Lookup): AdmissionStep {
  return {
    name: 'ClusterNetwork',
    validate(request) {
      if (!concerns(request, ClusterNetwork, 'DELETE')) return
      const { name } = request
      const users = usersOf(name, objects())
      const message =
        name === managementSwitch
          ? `the cluster network ${name} cannot be deleted, as every host and guest is on it`
          : `the cluster network ${name} cannot be deleted while ${users.join(', ')} use it; delete those first`
      if (name !== managementSwitch && users.length === 0) return
      return [{ field: 'metadata.name', message, reason: 'FieldValueForbidden' }]
    },
  }
}

function usersOf(name: string, objects: Lookup): string[] {
  const uplinks = [...objects.list<VlanConfig>(VlanConfig)].filter(({ spec }) => spec.clusterNetwork === name)
  const networks = [...objects.list<NetworkAttachmentDefinition>(NetworkAttachmentDefinition)].filter(
    ({ metadata }) => metadata.labels?.[networkLabel] === name,
  )
  return [
    ...uplinks.map(({ metadata }) => `the VlanConfig ${metadata.name}`),
    ...networks.map((one) => `the network ${keyOf(one)}`),
  ]
}
