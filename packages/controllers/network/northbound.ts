import { map, number, optional, set, string, uuid } from '@thresher/ovsdb/column'
import { defineDatabase, type Operation, type Row } from '@thresher/ovsdb/schema'

/** What is used of OVN's northbound database. @see ovn-nb(5) */
export const northbound = defineDatabase('OVN_Northbound', {
  Logical_Switch: { name: string, other_config: map(string), external_ids: map(string), dns_records: set(uuid) },
  Logical_Switch_Port: {
    name: string,
    type: string,
    addresses: set(string),
    dynamic_addresses: optional(string),
    port_security: set(string),
    dhcpv4_options: optional(uuid),
    options: map(string),
    tag: optional(number),
    external_ids: map(string),
  },
  Port_Group: { name: string, ports: set(uuid), external_ids: map(string) },
  ACL: { direction: string, match: string, action: string, priority: number, external_ids: map(string) },
  DHCP_Options: { cidr: string, options: map(string), external_ids: map(string) },
  DNS: { records: map(string), external_ids: map(string) },
})

/** The tables of {@link northbound}. */
export type NorthboundTables = (typeof northbound)['tables']

/** A row of one of them. */
export type NorthboundRow<N extends keyof NorthboundTables> = Row<NorthboundTables[N]>

/** The key of `external_ids` that marks a row as ours; rows without it are never touched. */
export const mark = 'thresher'

/** A column of references that is not in the declaration: it is long, and nobody here needs to hear of its changes. */
export interface Listing {
  table: 'Logical_Switch' | 'Port_Group'
  column: 'ports' | 'acls'
}

/** Put a row, an existing one or one named by an insert of the same transaction, where it belongs. */
export function attach(row: string, { table, column }: Listing, owner: string): Operation {
  return change(table, column, 'insert', row, [['name', '==', owner]])
}

/** Take a row off whatever lists it, which ends it. */
export function detach(row: string, { table, column }: Listing): Operation {
  return change(table, column, 'delete', row, [])
}

/** The ports of a switch. */
export const switchPorts: Listing = { table: 'Logical_Switch', column: 'ports' }
/** The rules of a switch. */
export const switchRules: Listing = { table: 'Logical_Switch', column: 'acls' }
/** The ports of a group. */
export const groupPorts: Listing = { table: 'Port_Group', column: 'ports' }
/** The rules of a group of ports, on whatever switches they are. */
export const groupRules: Listing = { table: 'Port_Group', column: 'acls' }

function change(table: string, column: string, action: string, row: string, where: unknown[]): Operation {
  const reference = /^[0-9a-f]{8}-/.test(row) ? ['uuid', row] : ['named-uuid', row]
  return { op: 'mutate', table, where, mutations: [[column, action, ['set', [reference]]]] }
}
