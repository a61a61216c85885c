import { map, number, optional, set, string, uuid } from '@thresher/ovsdb/column'
import { defineDatabase } from '@thresher/ovsdb/schema'

/** What is used of a host's Open_vSwitch database. @see ovs-vswitchd.conf.db(5) */
export const switchDatabase = defineDatabase('Open_vSwitch', {
  Open_vSwitch: {
    bridges: set(uuid),
    external_ids: map(string),
    other_config: map(string),
    next_cfg: number,
    cur_cfg: number,
  },
  Bridge: {
    name: string,
    datapath_type: string,
    fail_mode: optional(string),
    ports: set(uuid),
    external_ids: map(string),
  },
  Port: { name: string, interfaces: set(uuid), external_ids: map(string) },
  Interface: {
    name: string,
    type: string,
    mac: optional(string),
    mtu_request: optional(number),
    external_ids: map(string),
    ofport: optional(number),
    error: optional(string),
  },
})

/** The tables of {@link switchDatabase}. */
export type SwitchTables = (typeof switchDatabase)['tables']
