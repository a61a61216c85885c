import { managementGatewayPort, managementSwitch, type ManagementNetwork } from '@thresher/api/management-network'
import type { Operation } from '@thresher/ovsdb/schema'
import type { Network } from './networks.ts'
import { attach, mark, northbound as nb, switchPorts, type NorthboundRow } from './northbound.ts'

type SwitchRow = NorthboundRow<'Logical_Switch'>
type PortRow = NorthboundRow<'Logical_Switch_Port'>

/** The rows that make up the management network, as far as they are there. */
export interface ManagementRows {
  switch: SwitchRow | undefined
  gateway: PortRow | undefined
  dhcp: NorthboundRow<'DHCP_Options'> | undefined
  names: NorthboundRow<'DNS'> | undefined
}

/** What the guests are told by DHCP. Texts need quotes of their own. @see ovn-nb(5), DHCP_Options */
function dhcpOptions(network: ManagementNetwork): Record<string, string> {
  return {
    router: network.gateway,
    server_id: network.gateway,
    server_mac: network.gatewayMac,
    dns_server: network.gateway,
    mtu: String(network.mtu),
    lease_time: '3600',
    domain_name: `"${network.domain}"`,
  }
}

/** The operations that make the management network, or correct it. Guests' ports are left alone. */
export function planManagement(rows: ManagementRows, network: ManagementNetwork): Operation[] {
  const external_ids = { [mark]: managementSwitch }
  const config = { subnet: network.subnet, exclude_ips: network.gateway }
  const gateway = {
    name: managementGatewayPort,
    type: 'localport',
    addresses: [`${network.gatewayMac} ${network.gateway}`],
    external_ids,
  }
  const dhcp = { cidr: network.subnet, options: dhcpOptions(network), external_ids }
  const operations: Operation[] = []

  if (!rows.dhcp) operations.push(nb.insert('DHCP_Options', dhcp, 'dhcp'))
  else if (rows.dhcp.cidr !== dhcp.cidr || !sameRecord(rows.dhcp.options, dhcp.options))
    operations.push(nb.update('DHCP_Options', { _uuid: rows.dhcp._uuid }, dhcp))

  if (!rows.names) operations.push(nb.insert('DNS', { external_ids }, 'names'))
  const names = rows.names?._uuid ?? 'names'

  if (!rows.gateway) operations.push(nb.insert('Logical_Switch_Port', gateway, 'gateway'))
  else if (rows.gateway.type !== gateway.type || rows.gateway.addresses.join() !== gateway.addresses.join())
    operations.push(nb.update('Logical_Switch_Port', { _uuid: rows.gateway._uuid }, gateway))

  if (!rows.switch)
    return [
      ...operations,
      nb.insert(
        'Logical_Switch',
        { name: managementSwitch, other_config: config, external_ids, dns_records: [names] },
        'switch',
      ),
      attach(rows.gateway?._uuid ?? 'gateway', switchPorts, managementSwitch),
    ]
  if (!sameRecord(rows.switch.other_config, config))
    operations.push(nb.update('Logical_Switch', { _uuid: rows.switch._uuid }, { other_config: config }))
  if (!rows.switch.dns_records.includes(names))
    operations.push(nb.mutate('Logical_Switch', { _uuid: rows.switch._uuid }, { dns_records: { insert: [names] } }))
  if (!rows.gateway) operations.push(attach('gateway', switchPorts, managementSwitch))
  return operations
}

/** The rows of a network beside the management network, as far as they are there. */
export interface SwitchRows {
  switch: SwitchRow | undefined
  wire: PortRow | undefined
}

/** The name of the port by which a network's switch is on its cluster network's wire. */
export function wirePort(network: Pick<Network, 'id'>): string {
  return `wire:${network.id}`
}

/** The operations that make a network's switch, or correct it. Guests' ports are left alone. @see ovn-nb(5), localnet */
export function planSwitch(rows: SwitchRows, network: Network): Operation[] {
  const external_ids = { [mark]: 'network' }
  const { localnet } = network
  const config: Record<string, string> = localnet?.vlan === 'guests' ? { 'vlan-passthru': 'true' } : {}
  const operations: Operation[] = []
  if (!rows.switch)
    operations.push(nb.insert('Logical_Switch', { name: network.id, other_config: config, external_ids }, 'switch'))
  else if (!sameRecord(rows.switch.other_config, config))
    operations.push(nb.update('Logical_Switch', { _uuid: rows.switch._uuid }, { other_config: config }))
  if (!localnet) return operations
  const wire = {
    name: wirePort(network),
    type: 'localnet',
    addresses: ['unknown'],
    options: { network_name: localnet.clusterNetwork },
    tag: typeof localnet.vlan === 'number' ? localnet.vlan : undefined,
    external_ids,
  }
  if (!rows.wire)
    operations.push(nb.insert('Logical_Switch_Port', wire, 'wire'), attach('wire', switchPorts, network.id))
  else if (
    rows.wire.type !== wire.type ||
    rows.wire.tag !== wire.tag ||
    rows.wire.addresses.join() !== 'unknown' ||
    !sameRecord(rows.wire.options, wire.options)
  )
    operations.push(nb.update('Logical_Switch_Port', { _uuid: rows.wire._uuid }, wire))
  return operations
}

/** Whether a switch is one that {@link planSwitch} made. */
export function isNetworkSwitch(row: Pick<SwitchRow, 'external_ids'>): boolean {
  return row.external_ids[mark] === 'network'
}

function sameRecord(one: Readonly<Record<string, string>>, other: Record<string, string>): boolean {
  const keys = Object.keys(other)
  return keys.length === Object.keys(one).length && keys.every((key) => one[key] === other[key])
}
