import { map, number, optional, set, string, uuid } from '@thresher/ovsdb/column'
import { defineDatabase, type Row } from '@thresher/ovsdb/schema'

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
    external_ids: map(string),
  },
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
