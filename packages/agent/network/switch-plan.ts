import type { Row, Operation } from '@thresher/ovsdb/schema'
import { switchDatabase as db, type SwitchTables } from './switch-database.ts'

type TableRow<N extends keyof SwitchTables> = Row<SwitchTables[N]>

/** How the host's switch should be set up. */
export interface SwitchSetup {
  bridge: string
  /** `system` for the kernel's datapath, `netdev` for the userspace one. */
  datapath: 'system' | 'netdev'
  /** Settings of the Open_vSwitch row that belong to us; other keys there are left alone. */
  otherConfig: Record<string, string>
  externalIds: Record<string, string>
  gateway: { ifname: string; mac: string; mtu: number; port: string }
}

/** What is in the database now. */
export interface SwitchState {
  root: TableRow<'Open_vSwitch'> | undefined
  bridge: TableRow<'Bridge'> | undefined
  gateway: TableRow<'Interface'> | undefined
}

/** A guest's interface on the bridge. */
export interface SwitchPort {
  ifname: string
  /** The logical port that it carries. */
  port: string
  mac: string
  /** Who it is, for people who look at the switch. */
  owner: string
}

/** The operations that bring the settings in, which must be there before the switch starts. */
export function planSettings(state: SwitchState, setup: SwitchSetup): Operation[] {
  const { otherConfig, externalIds } = setup
  if (!state.root) return [db.insert('Open_vSwitch', { other_config: otherConfig, external_ids: externalIds })]
  const where = { _uuid: state.root._uuid }
  const other = changed(state.root.other_config, otherConfig)
  const external = changed(state.root.external_ids, externalIds)
  return [
    ...(other
      ? [db.mutate('Open_vSwitch', where, { other_config: { delete: Object.keys(other), insert: other } })]
      : []),
    ...(external
      ? [db.mutate('Open_vSwitch', where, { external_ids: { delete: Object.keys(external), insert: external } })]
      : []),
  ]
}

/** The operations that make the bridge and the host's own port on it. Ports of guests are left as they are. */
export function planBridge(state: SwitchState, setup: SwitchSetup): Operation[] {
  const { gateway } = setup
  const operations: Operation[] = []
  const wanted = {
    name: gateway.ifname,
    type: 'internal',
    mac: gateway.mac,
    mtu_request: gateway.mtu,
    external_ids: { 'iface-id': gateway.port },
  }
  const port = (ifname: string, as: string) =>
    db.insert('Port', { name: ifname, interfaces: [`${as}_interface`] }, `${as}_port`)
  if (state.gateway) {
    const ids = changed(state.gateway.external_ids, wanted.external_ids)
    if (state.gateway.mac !== gateway.mac || state.gateway.mtu_request !== gateway.mtu)
      operations.push(
        db.update('Interface', { _uuid: state.gateway._uuid }, { mac: gateway.mac, mtu_request: gateway.mtu }),
      )
    if (ids)
      operations.push(
        db.mutate('Interface', { _uuid: state.gateway._uuid }, { external_ids: { delete: ['iface-id'], insert: ids } }),
      )
  } else operations.push(db.insert('Interface', wanted, 'gateway_interface'), port(gateway.ifname, 'gateway'))
  if (state.bridge) {
    if (state.bridge.datapath_type !== setup.datapath)
      operations.push(db.update('Bridge', { _uuid: state.bridge._uuid }, { datapath_type: setup.datapath }))
    if (!state.gateway)
      operations.push(db.mutate('Bridge', { _uuid: state.bridge._uuid }, { ports: { insert: ['gateway_port'] } }))
    return operations
  }
  return [
    ...operations,
    db.insert('Interface', { name: setup.bridge, type: 'internal' }, 'local_interface'),
    port(setup.bridge, 'local'),
    db.insert(
      'Bridge',
      {
        name: setup.bridge,
        datapath_type: setup.datapath,
        // Without flows nothing passes: a switch whose controller is not there yet must not be a plain one.
        fail_mode: 'secure',
        ports: ['local_port', ...(state.gateway ? [] : ['gateway_port'])],
      },
      'bridge',
    ),
    db.mutate('Open_vSwitch', {}, { bridges: { insert: ['bridge'] } }),
  ]
}

/** The operations that put a guest's interface on the bridge, or correct it. */
export function planPort(existing: TableRow<'Interface'> | undefined, bridge: string, port: SwitchPort): Operation[] {
  const ids = { 'iface-id': port.port, 'attached-mac': port.mac, 'vm-id': port.owner }
  if (existing) {
    const different = changed(existing.external_ids, ids)
    return different
      ? [
          db.mutate(
            'Interface',
            { _uuid: existing._uuid },
            { external_ids: { delete: [...Object.keys(different), 'ovn-installed'], insert: different } },
          ),
        ]
      : []
  }
  return [
    db.insert('Interface', { name: port.ifname, external_ids: ids }, 'interface'),
    db.insert('Port', { name: port.ifname, interfaces: ['interface'] }, 'port'),
    db.mutate('Bridge', { name: bridge }, { ports: { insert: ['port'] } }),
  ]
}

/** The operations that take ports off the bridge; their interfaces go with them. */
export function planRemoval(bridge: string, ports: readonly string[]): Operation[] {
  return ports.length === 0 ? [] : [db.mutate('Bridge', { name: bridge }, { ports: { delete: ports } })]
}

/** The values that are not yet as wanted; undefined when all are. */
function changed(
  now: Readonly<Record<string, string>>,
  wanted: Record<string, string>,
): Record<string, string> | undefined {
  const entries = Object.entries(wanted).filter(([key, value]) => now[key] !== value)
  return entries.length > 0 ? Object.fromEntries(entries) : undefined
}
