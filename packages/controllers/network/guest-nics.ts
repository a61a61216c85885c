import { addressesAnnotation } from '@thresher/api/pod-network'
import type { Interface } from '@thresher/api/kubevirt/interface'
import type { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { stableMac } from '../virtual-machine/mac-address.ts'
import type { Nic } from './port-plan.ts'

type InstanceSpec = VirtualMachineInstance['spec']

/** The NICs of a running guest that are on the management network. */
export function nicsOf(instance: VirtualMachineInstance): Nic[] {
  const addresses = fixedAddresses(instance.metadata.annotations)
  return managementNics(instance.spec).map(({ name, macAddress, ports }) => ({
    name,
    mac: macAddress || stableMac(instance.metadata.uid ?? '', name),
    address: addresses[name],
    ports,
  }))
}

/** The names of the NICs that a machine will have on the management network when it runs. */
export function nicNamesOf(machine: VirtualMachine): string[] {
  const { spec } = machine.spec.template
  const names = managementNics(spec).map((nic) => nic.name)
  // A template without any gets this one. @see ../virtual-machine/instance.ts
  return spec.networks?.length ? names : [...names, 'default']
}

function managementNics(spec: InstanceSpec): Pick<Interface, 'name' | 'macAddress' | 'ports'>[] {
  const onManagement = new Set((spec.networks ?? []).filter((network) => network.pod).map((network) => network.name))
  return (spec.domain.devices.interfaces ?? []).filter((nic) => onManagement.has(nic.name))
}

/** Fixed addresses by NIC; what is not of that form asks for an address that is none, so that it is told of. */
function fixedAddresses(annotations: Readonly<Record<string, string>> | undefined): Record<string, string> {
  const text = annotations?.[addressesAnnotation]
  if (text === undefined) return {}
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null)
      return Object.fromEntries(Object.entries(value).map(([nic, address]) => [nic, String(address)]))
  } catch {
    // Told of below.
  }
  return { default: text }
}
