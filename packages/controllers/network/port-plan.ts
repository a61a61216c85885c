import { contains, parseIpv4, parseSubnet } from '@thresher/api/ipv4'
import type { ManagementNetwork } from '@thresher/api/management-network'
import type { PodNic } from '@thresher/api/pod-network'
import type { Operation } from '@thresher/ovsdb/schema'
import { mark, northbound as nb, type NorthboundRow } from './northbound.ts'
import { attach, detach } from './switch-plan.ts'

type PortRow = NorthboundRow<'Logical_Switch_Port'>

/** Which guest a port belongs to. */
export interface Guest {
  namespace: string
  name: string
}

/** A guest's NIC that should be on the management network. */
export interface Nic {
  name: string
  mac: string
  /** The address that it must have; any free one unless given. */
  address?: string
}

/** Marks in a port's external_ids whose it is. */
export function portIds(guest: Guest, nic: string): Record<string, string> {
  return { [mark]: 'guest', namespace: guest.namespace, guest: guest.name, nic }
}

/** Whose port a row is; undefined for rows that are not a guest's. */
export function ownerOf(port: PortRow): (Guest & { nic: string }) | undefined {
  const { namespace, guest, nic } = port.external_ids
  if (port.external_ids[mark] !== 'guest' || !namespace || !guest || !nic) return undefined
  return { namespace, name: guest, nic }
}

/** `<namespace>/<guest>/<nic>`, which no other port has. */
export function portName(guest: Guest, nic: string): string {
  return `${guest.namespace}/${guest.name}/${nic}`
}

/** The IPv4 address that a port has now. */
export function addressOf(port: PortRow): string | undefined {
  const [own] = port.addresses
  const text = own?.endsWith(' dynamic') ? port.dynamic_addresses : own
  return text?.split(' ')[1]
}

/** Why a NIC cannot have the address asked for; undefined when it can. */
export function refusal(
  nic: Nic,
  guest: Guest,
  network: ManagementNetwork,
  holder: PortRow | undefined,
): string | undefined {
  if (nic.address === undefined) return undefined
  try {
    if (!contains(parseSubnet(network.subnet), parseIpv4(nic.address)))
      return `the address ${nic.address} is not in the management network ${network.subnet}`
  } catch {
    return `"${nic.address}" is not an IPv4 address`
  }
  if (nic.address === network.gateway) return `the address ${nic.address} is the gateway's`
  if (holder && holder.name !== portName(guest, nic.name)) return `the address ${nic.address} belongs to ${holder.name}`
  return undefined
}

/**
 * The operations that give a guest the ports it should have and take the others away.
 *
 * A port is bound to its MAC from the start, and to its IP address as soon as that is known.
 */
export function planPorts(guest: Guest, nics: readonly Nic[], existing: readonly PortRow[], dhcp: string): Operation[] {
  const operations: Operation[] = []
  const wanted = new Map(nics.map((nic) => [portName(guest, nic.name), nic]))
  for (const port of existing) if (!wanted.has(port.name)) operations.push(detach(port._uuid))
  for (const [name, nic] of wanted) {
    const port = existing.find((one) => one.name === name)
    const address = nic.address ?? 'dynamic'
    const addresses = [`${nic.mac} ${address}`]
    if (!port) {
      const security = nic.address ? `${nic.mac} ${nic.address}` : nic.mac
      const as = `port${operations.length}`
      const external_ids = portIds(guest, nic.name)
      operations.push(
        nb.insert(
          'Logical_Switch_Port',
          { name, addresses, port_security: [security], dhcpv4_options: dhcp, external_ids },
          as,
        ),
        attach(as),
      )
      continue
    }
    const kept = port.addresses.join() === addresses.join()
    const known = kept ? addressOf(port) : nic.address
    const security = known ? `${nic.mac} ${known}` : nic.mac
    const change = {
      ...(kept ? {} : { addresses }),
      ...(port.port_security.join() === security ? {} : { port_security: [security] }),
      ...(port.dhcpv4_options === dhcp ? {} : { dhcpv4_options: dhcp }),
    }
    if (Object.keys(change).length > 0) operations.push(nb.update('Logical_Switch_Port', { _uuid: port._uuid }, change))
  }
  return operations
}

/** What the agent must know of a guest's NICs; undefined until all of them have their address. */
export function describeNics(
  guest: Guest,
  nics: readonly Nic[],
  existing: readonly PortRow[],
  network: ManagementNetwork,
): PodNic[] | undefined {
  const described = nics.map((nic) => {
    const name = portName(guest, nic.name)
    const port = existing.find((one) => one.name === name)
    const ip = port && port.addresses[0]?.startsWith(nic.mac) ? addressOf(port) : undefined
    return (
      ip && {
        name: nic.name,
        port: name,
        mac: nic.mac,
        ip,
        prefix: network.prefix,
        gateway: network.gateway,
        mtu: network.mtu,
      }
    )
  })
  return described.every((nic) => nic) ? (described as PodNic[]) : undefined
}
