import type { Operation, Row } from '@thresher/ovsdb/schema'
import type { Commands } from './commands.ts'
import { switchDatabase as db, type SwitchTables } from './switch-database.ts'

/** The key of a bridge's `external_ids` that names the NIC whose addresses it has, so that they can be given back. */
export const tunnelDeviceKey = 'thresher-tunnel-device'

/** The operations that make the bridge by which a userspace switch reaches the NIC that tunnels go through. */
export function planTunnelBridge(
  existing: Row<SwitchTables['Bridge']> | undefined,
  { bridge, device }: { bridge: string; device: string },
): Operation[] {
  if (existing) return []
  return [
    db.insert('Interface', { name: bridge, type: 'internal' }, 'tunnel_local_interface'),
    db.insert('Port', { name: bridge, interfaces: ['tunnel_local_interface'] }, 'tunnel_local_port'),
    db.insert('Interface', { name: device }, 'tunnel_device_interface'),
    db.insert('Port', { name: device, interfaces: ['tunnel_device_interface'] }, 'tunnel_device_port'),
    db.insert(
      'Bridge',
      {
        name: bridge,
        datapath_type: 'netdev',
        fail_mode: 'standalone',
        ports: ['tunnel_local_port', 'tunnel_device_port'],
        external_ids: { [tunnelDeviceKey]: device },
      },
      'tunnel_bridge',
    ),
    db.mutate('Open_vSwitch', {}, { bridges: { insert: ['tunnel_bridge'] } }),
  ]
}

interface Link {
  ifname: string
  addr_info?: { family: string; local: string; prefixlen: number; scope: string }[]
}

/** Give one interface's IPv4 addresses to another, which is set up with them. Does nothing where they have moved already. */
export async function moveAddresses(commands: Commands, from: string, to: string): Promise<void> {
  const shown = await commands.run('ip', ['-json', '-4', 'address', 'show', 'dev', from], { mayFail: true })
  const links = shown.code === 0 ? (JSON.parse(shown.stdout || '[]') as Link[]) : []
  const addresses = links.flatMap(({ addr_info = [] }) => addr_info.filter(({ scope }) => scope === 'global'))
  const lines = [
    `link set dev ${to} up`,
    ...addresses.flatMap(({ local, prefixlen }) => [
      `address del ${local}/${prefixlen} dev ${from}`,
      `address replace ${local}/${prefixlen} dev ${to}`,
    ]),
  ]
  await commands.run('ip', ['-force', '-batch', '-'], { input: `${lines.join('\n')}\n`, mayFail: true })
}
