import { readAttachment, type Attachment, type VlanRange } from '@thresher/api/cni/attachment'
import type { NetworkAttachmentDefinition } from '@thresher/api/cni/network-attachment-definition'
import { managementSwitch, type ManagementNetwork } from '@thresher/api/management-network'
import { uplinkMtu, type ClusterNetwork } from '@thresher/api/network/cluster-network'

/** What the networks of the cluster are made from. */
export interface World {
  management: ManagementNetwork
  definitions: readonly NetworkAttachmentDefinition[]
  clusterNetworks: readonly ClusterNetwork[]
}

/** One layer 2 that guests can be on. */
export interface Network {
  /** Also the name of its logical switch: `mgmt`, `fast:10`, `fast:untagged`, `fast:trunk`, `overlay:lab/db`. */
  id: string
  kind: 'management' | Attachment['kind']
  /** Bytes. */
  mtu: number
  /** Where guests get addresses of ours; absent where they have their own. */
  addressing?: Addressing
  /** The wire that it is on; absent where it goes from host to host by tunnels alone. */
  localnet?: Localnet
}

/** Addresses that guests of a network get by DHCP. */
export interface Addressing {
  /** CIDR. */
  subnet: string
  prefix: number
  gateway?: string
}

/** A cluster network's uplinks, and the tag by which a network is told from others there. */
export interface Localnet {
  clusterNetwork: string
  /** Absent: frames without a tag; `guests`: the guests' own tags. */
  vlan?: number | 'guests'
}

/** A network as a definition offers it to the NICs that name it. */
export interface Offer {
  network: Network
  /** The VLANs that a NIC may send and get, on a trunk. */
  ranges?: VlanRange[]
}

/** The networks of the cluster. */
export interface Networks {
  byId: ReadonlyMap<string, Network>
  /** By the key of the NetworkAttachmentDefinition; why there is none where one cannot be used. */
  offers: ReadonlyMap<string, Offer | { problem: string }>
}

/** Bytes of an uplink, unless its cluster network says otherwise. */
const usualMtu = 1500

/**
 * The networks of the cluster. Definitions of the same VLAN of the same cluster network are one network, as they are one wire. Pure.
 */
export function networksOf({ management, definitions, clusterNetworks }: World): Networks {
  const byId = new Map<string, Network>([[managementSwitch, managementOf(management)]])
  const mtus = new Map(clusterNetworks.map((one) => [one.metadata.name, uplinkMtu(one)]))
  const offers = new Map<string, Offer | { problem: string }>()
  for (const { metadata, spec } of definitions) {
    const key = `${metadata.namespace}/${metadata.name}`
    const attachment = readAttachment(spec?.config ?? '')
    if ('problem' in attachment) {
      offers.set(key, { problem: `the configuration of the network ${key} ${attachment.problem}` })
      continue
    }
    const wire = 'clusterNetwork' in attachment ? attachment.clusterNetwork : managementSwitch
    const mtu = attachment.kind === 'overlay' ? management.mtu : (mtus.get(wire) ?? usualMtu)
    const made = networkOf(attachment, key, mtu)
    const network = byId.get(made.id) ?? made
    byId.set(network.id, network)
    offers.set(key, { network, ...(attachment.kind === 'trunk' ? { ranges: attachment.ranges } : {}) })
  }
  return { byId, offers }
}

/** The management network among the others. */
export function managementOf({ subnet, prefix, gateway, mtu }: ManagementNetwork): Network {
  return { id: managementSwitch, kind: 'management', mtu, addressing: { subnet, prefix, gateway } }
}

// A cluster network's name has no colon and a namespace no dot or colon, so that no two networks come to one name.
function networkOf(attachment: Attachment, key: string, mtu: number): Network {
  if (attachment.kind === 'overlay') return { id: `overlay:${key}`, kind: 'overlay', mtu }
  const { kind, clusterNetwork } = attachment
  switch (kind) {
    case 'vlan':
      return {
        id: `${clusterNetwork}:${attachment.vlan}`,
        kind,
        mtu,
        localnet: { clusterNetwork, vlan: attachment.vlan },
      }
    case 'untagged':
      return { id: `${clusterNetwork}:untagged`, kind, mtu, localnet: { clusterNetwork } }
    case 'trunk':
      return { id: `${clusterNetwork}:trunk`, kind, mtu, localnet: { clusterNetwork, vlan: 'guests' } }
  }
}
