import { contains, formatIpv4, isHost, parseIpv4, parseSubnet } from '@thresher/api/ipv4'
import { parseMac, unfitMac } from '@thresher/api/mac'
import { managementSwitch } from '@thresher/api/management-network'
import type { PodNic } from '@thresher/api/pod-network'
import type { Operation } from '@thresher/ovsdb/schema'
import type { Offer } from './networks.ts'
import { guardGroup } from './guard-plan.ts'
import { attach, detach, groupPorts, mark, northbound as nb, switchPorts, type NorthboundRow } from './northbound.ts'

type PortRow = NorthboundRow<'Logical_Switch_Port'>

/** Which guest a port belongs to. */
export interface Guest {
  namespace: string
  name: string
}

/** A guest's NIC and the network that it should be on. */
export interface Nic extends Offer {
  name: string
  mac: string
  /** The address that it must have; any free one unless given. */
  address?: string
  /** The only ports that others may reach; all of them where none is listed. */
  ports?: readonly { port: number; protocol?: string }[]
}

/** Marks in the external_ids of a port or rule whose it is. */
export function guestIds(guest: Guest, nic: string): Record<string, string> {
  return { [mark]: 'guest', namespace: guest.namespace, guest: guest.name, nic }
}

/** The network that a port is on; those made before networks had names are on the management network. */
export function networkOf(port: Pick<PortRow, 'external_ids'>): string {
  return port.external_ids['network'] ?? managementSwitch
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

/**
 * The addresses that a port has or asks for, each in its canonical form: hardware addresses as they are, since one card is on
 * all networks the same; IPv4 addresses with their network, since two networks may have the same.
 */
export function identitiesOf(port: PortRow): string[] {
  return [port.dynamic_addresses, ...port.addresses].flatMap((text) =>
    (text?.split(' ') ?? []).flatMap((word) => {
      try {
        return [word.includes(':') ? parseMac(word) : onNetwork(networkOf(port), formatIpv4(parseIpv4(word)))]
      } catch {
        // `dynamic`, `unknown`, IPv6: nothing that a guest's NIC can ask for.
        return []
      }
    }),
  )
}

/** The addresses that a NIC asks for, as {@link identitiesOf} gives those of ports. */
export function wantedIdentities({ mac, address, network }: Nic): string[] {
  return address === undefined ? [mac] : [mac, onNetwork(network.id, address)]
}

function onNetwork(network: string, address: string): string {
  return `${address} on ${network}`
}

/** A NIC with its addresses in their canonical form, or why it cannot have them whatever others have. */
export function admitNic(nic: Nic): { nic: Nic } | { problem: string } {
  try {
    const mac = parseMac(nic.mac)
    const unfit = unfitMac(mac)
    if (unfit !== undefined) return { problem: `the MAC address ${unfit}` }
    if (nic.address === undefined) return { nic: { ...nic, mac } }
    const { addressing, id } = nic.network
    if (!addressing)
      return { problem: `the address ${nic.address} cannot be given, as nothing gives addresses on the network ${id}` }
    const value = parseIpv4(nic.address)
    const address = formatIpv4(value)
    const subnet = parseSubnet(addressing.subnet)
    const network = id === managementSwitch ? 'the management network' : `the network ${id}`
    if (!contains(subnet, value)) return { problem: `the address ${address} is not in ${network} ${addressing.subnet}` }
    if (!isHost(subnet, value))
      return { problem: `the address ${address} is ${network}'s own or its broadcast, not a guest's` }
    if (addressing.gateway !== undefined && value === parseIpv4(addressing.gateway))
      return { problem: `the address ${address} is the gateway's` }
    return { nic: { ...nic, mac, address } }
  } catch (error) {
    return { problem: (error as RangeError).message }
  }
}

/** Why a NIC cannot have one of its addresses. Who it is that has it is only for those in the same namespace. */
export function taken(identity: string, guest: Guest, holder: string): string {
  const own = holder.startsWith(`${guest.namespace}/`)
  return `the address ${identity.split(' ')[0]} belongs to ${own ? holder : 'a machine in another namespace'}`
}

/** What a port of ours should be like. */
type WantedPort = Pick<PortRow, 'addresses' | 'port_security' | 'dhcpv4_options' | 'external_ids'>

/** What of the database beside a guest's own rows decides on its ports. */
export interface Around {
  /** The DHCP options of the networks that have any, by the network. */
  dhcp: ReadonlyMap<string, string>
  /** Whether a port is in the group of guests. */
  isGuarded: (port: string) => boolean
}

/**
 * The operations that give a guest the ports it should have and take the others away.
 *
 * A port is bound to its MAC from the start, and to its IP address as soon as that is known.
 */
export function planPorts(
  guest: Guest,
  nics: readonly Nic[],
  existing: readonly PortRow[],
  { dhcp, isGuarded }: Around,
): Operation[] {
  const wanted = new Map(nics.map((nic) => [portName(guest, nic.name), nic]))
  const identities = nics.flatMap(wantedIdentities)
  if (wanted.size < nics.length || new Set(identities).size < identities.length)
    throw new Error(`two NICs of ${guest.namespace}/${guest.name} have one name or address`)
  const stays = (port: PortRow) => wanted.get(port.name)?.network.id === networkOf(port)
  const gone = existing.filter((port) => !stays(port)).map((port) => detach(port._uuid, switchPorts))
  const changes = [...wanted].flatMap(([name, nic], index) => {
    const port = existing.find((one) => one.name === name && stays(one))
    const ids = { ...guestIds(guest, nic.name), network: nic.network.id }
    const next = wantedPort(nic, port, ids, dhcp.get(nic.network.id))
    if (port)
      return [...correction(port, next), ...(isGuarded(port._uuid) ? [] : [attach(port._uuid, groupPorts, guardGroup)])]
    const as = `port${index}`
    return [
      nb.insert('Logical_Switch_Port', { name, ...next }, as),
      attach(as, switchPorts, nic.network.id),
      attach(as, groupPorts, guardGroup),
    ]
  })
  return [...gone, ...changes]
}

function wantedPort(nic: Nic, port: PortRow | undefined, ids: Record<string, string>, dhcp?: string): WantedPort {
  const addresses = [addressesOf(nic)]
  const known = port && port.addresses.join() === addresses.join() ? addressOf(port) : nic.address
  return {
    addresses,
    port_security: [known ? `${nic.mac} ${known}` : nic.mac],
    dhcpv4_options: dhcp,
    external_ids: ids,
  }
}

/** OVN chooses an address where ours are given; elsewhere it knows the card alone. */
function addressesOf({ mac, address, network }: Nic): string {
  return network.addressing ? `${mac} ${address ?? 'dynamic'}` : mac
}

function correction(port: PortRow, next: WantedPort): Operation[] {
  const change = {
    ...(port.addresses.join() === next.addresses.join() ? {} : { addresses: next.addresses }),
    ...(port.port_security.join() === next.port_security.join() ? {} : { port_security: next.port_security }),
    ...(port.dhcpv4_options === next.dhcpv4_options ? {} : { dhcpv4_options: next.dhcpv4_options }),
    ...(port.external_ids['network'] === undefined ? { external_ids: next.external_ids } : {}),
  }
  return Object.keys(change).length > 0 ? [nb.update('Logical_Switch_Port', { _uuid: port._uuid }, change)] : []
}

/** What the agent must know of a guest's NICs; undefined until all that get an address from us have it. */
export function describeNics(guest: Guest, nics: readonly Nic[], existing: readonly PortRow[]): PodNic[] | undefined {
  const described = nics.flatMap(({ name, mac, network }): PodNic[] => {
    const port = portName(guest, name)
    const row = existing.find((one) => one.name === port && networkOf(one) === network.id)
    if (!row?.addresses[0]?.startsWith(mac)) return []
    const nic = { name, network: network.id, port, mac, mtu: network.mtu }
    if (!network.addressing) return [nic]
    const ip = addressOf(row)
    const { prefix, gateway } = network.addressing
    return ip === undefined ? [] : [{ ...nic, ip, prefix, ...(gateway === undefined ? {} : { gateway }) }]
  })
  return described.length === nics.length ? described : undefined
}
