import { contains, formatIpv4, isHost, parseIpv4, parseSubnet } from '@thresher/api/ipv4'
import { parseMac, unfitMac } from '@thresher/api/mac'
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
  /** The only ports that others may reach; all of them where none is listed. */
  ports?: readonly { port: number; protocol?: string }[]
}

/** Marks in a port's external_ids whose it is. */
export function portIds(guest: Guest, nic: string): Record<string, string> {
  return { [mark]: 'guest', namespace: guest.namespace, guest: guest.name, nic }
}

/** Whose port or rule a row is; undefined for rows that are not a guest's. */
export function ownerOf(port: Pick<PortRow, 'external_ids'>): (Guest & { nic: string }) | undefined {
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

/** The addresses that a port has or asks for, hardware and IPv4, each in its canonical form. */
export function identitiesOf(port: PortRow): string[] {
  return [port.dynamic_addresses, ...port.addresses].flatMap((text) =>
    (text?.split(' ') ?? []).flatMap((word) => {
      try {
        return [word.includes(':') ? parseMac(word) : formatIpv4(parseIpv4(word))]
      } catch {
        // `dynamic`, `unknown`, IPv6: nothing that a guest's NIC can ask for.
        return []
      }
    }),
  )
}

/** A NIC with its addresses in their canonical form, or why it cannot have them whatever others have. */
export function admitNic(nic: Nic, network: ManagementNetwork): { nic: Nic } | { problem: string } {
  try {
    const mac = parseMac(nic.mac)
    const unfit = unfitMac(mac)
    if (unfit !== undefined) return { problem: `the MAC address ${unfit}` }
    if (nic.address === undefined) return { nic: { ...nic, mac } }
    const value = parseIpv4(nic.address)
    const address = formatIpv4(value)
    const subnet = parseSubnet(network.subnet)
    if (!contains(subnet, value))
      return { problem: `the address ${address} is not in the management network ${network.subnet}` }
    if (!isHost(subnet, value))
      return { problem: `the address ${address} is the management network's own or its broadcast, not a guest's` }
    if (value === parseIpv4(network.gateway)) return { problem: `the address ${address} is the gateway's` }
    return { nic: { ...nic, mac, address } }
  } catch (error) {
    return { problem: (error as RangeError).message }
  }
}

/** Why a NIC cannot have one of its addresses. Who it is that has it is only for those in the same namespace. */
export function taken(identity: string, guest: Guest, holder: string): string {
  const own = holder.startsWith(`${guest.namespace}/`)
  return `the address ${identity} belongs to ${own ? holder : 'a machine in another namespace'}`
}

/**
 * The operations that give a guest the ports it should have and take the others away.
 *
 * A port is bound to its MAC from the start, and to its IP address as soon as that is known.
 */
export function planPorts(guest: Guest, nics: readonly Nic[], existing: readonly PortRow[], dhcp: string): Operation[] {
  const operations: Operation[] = []
  const wanted = new Map(nics.map((nic) => [portName(guest, nic.name), nic]))
  const identities = nics.flatMap((nic) => [nic.mac, ...(nic.address === undefined ? [] : [nic.address])])
  if (wanted.size < nics.length || new Set(identities).size < identities.length)
    throw new Error(`two NICs of ${guest.namespace}/${guest.name} have one name or address`)
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
