import { managementGatewayPort, managementSwitch, type ManagementNetwork } from '@thresher/api/management-network'
import type { Operation } from '@thresher/ovsdb/schema'
import { mark, northbound as nb, type NorthboundRow } from './northbound.ts'

/** The rows that make up the management network, as far as they are there. */
export interface ManagementRows {
  switch: NorthboundRow<'Logical_Switch'> | undefined
  gateway: NorthboundRow<'Logical_Switch_Port'> | undefined
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
      // The ports column is not in the declaration: it is long, and nobody here needs to hear of its changes.
      attach(rows.gateway?._uuid ?? 'gateway'),
    ]
  if (!sameRecord(rows.switch.other_config, config))
    operations.push(nb.update('Logical_Switch', { _uuid: rows.switch._uuid }, { other_config: config }))
  if (!rows.switch.dns_records.includes(names))
    operations.push(nb.mutate('Logical_Switch', { _uuid: rows.switch._uuid }, { dns_records: { insert: [names] } }))
  if (!rows.gateway) operations.push(attach('gateway'))
  return operations
}

/** Columns of the management switch that list rows of ours and are not in the declaration. */
type Listing = 'ports' | 'acls'

/** Put a row, an existing one or one named by an insert of the same transaction, on the management switch. */
export function attach(row: string, column: Listing = 'ports'): Operation {
  return mutate(column, 'insert', row)
}

/** Take a row off the management switch, which ends it. */
export function detach(row: string, column: Listing = 'ports'): Operation {
  return mutate(column, 'delete', row)
}

function mutate(column: Listing, action: 'insert' | 'delete', row: string): Operation {
  const reference = /^[0-9a-f]{8}-/.test(row) ? ['uuid', row] : ['named-uuid', row]
  return {
    op: 'mutate',
    table: 'Logical_Switch',
    where: [['name', '==', managementSwitch]],
    mutations: [[column, action, ['set', [reference]]]],
  }
}

function sameRecord(one: Readonly<Record<string, string>>, other: Record<string, string>): boolean {
  const keys = Object.keys(other)
  return keys.length === Object.keys(one).length && keys.every((key) => one[key] === other[key])
}
