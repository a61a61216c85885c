import { networkKey } from '@thresher/api/kubevirt/network'
import type { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { managementSwitch } from '@thresher/api/management-network'
import { addressesAnnotation } from '@thresher/api/pod-network'
import { stableMac } from '../virtual-machine/mac-address.ts'
import type { Networks, Offer } from './networks.ts'
import type { Nic } from './port-plan.ts'

type InstanceSpec = VirtualMachineInstance['spec']

/** A guest's NICs as they should be connected, and those that cannot be, with why. */
export interface GuestNics {
  nics: Nic[]
  unconnected: { name: string; problem: string }[]
}

/** The NICs of a running guest, each on its network. Pure. */
export function nicsOf(instance: VirtualMachineInstance, networks: Networks): GuestNics {
  const { spec, metadata } = instance
  const addresses = fixedAddresses(metadata.annotations)
  const found: GuestNics = { nics: [], unconnected: [] }
  for (const { name, macAddress, ports, state } of spec.domain.devices.interfaces ?? []) {
    if (state === 'absent') continue
    const offer = offerOf(name, spec, metadata.namespace ?? '', networks)
    if ('problem' in offer) found.unconnected.push({ name, problem: offer.problem })
    else
      found.nics.push({
        name,
        ...offer,
        mac: macAddress || stableMac(metadata.uid ?? '', name),
        address: addresses[name],
        ports,
      })
  }
  return found
}

/** The names of the NICs that a machine will have when it runs, by the network of each: undefined where that is not known. */
export function nicNamesOf(machine: VirtualMachine): string[] {
  const { spec } = machine.spec.template
  const names = (spec.domain.devices.interfaces ?? []).map(({ name }) => name)
  // A template without any gets this one. @see ../virtual-machine/instance.ts
  return spec.networks?.length ? names : [...names, 'default']
}

/** The keys of the NetworkAttachmentDefinitions that a guest's NICs name. */
export function definitionsOf({ spec, metadata }: VirtualMachineInstance): string[] {
  return (spec.networks ?? []).flatMap((network) => networkKey(network, metadata.namespace ?? '') ?? [])
}

function offerOf(name: string, spec: InstanceSpec, namespace: string, networks: Networks): Offer | { problem: string } {
  const network = spec.networks?.find((one) => one.name === name)
  const management = networks.byId.get(managementSwitch)
  if (network?.pod && management) return { network: management }
  const key = network && networkKey(network, namespace)
  if (key === undefined) return { problem: 'it names no network that guests can be on; use pod or multus' }
  return networks.offers.get(key) ?? { problem: `there is no network ${key}` }
}

/** Fixed addresses by NIC; what is not of that form asks for an address that is none, so that it is refused. */
function fixedAddresses(annotations: Readonly<Record<string, string>> | undefined): Record<string, string> {
  const text = annotations?.[addressesAnnotation]
  if (text === undefined) return {}
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null)
      return Object.fromEntries(Object.entries(value).map(([nic, address]) => [nic, String(address)]))
  } catch {
    // Refused as an address.
  }
  return { default: text }
}
