import { managementGatewayPort, type ManagementNetwork } from '@thresher/api/management-network'
import type { Endpoint } from '@thresher/ovsdb/endpoint'
import type { Names } from './names.ts'
import type { SwitchSetup } from './switch-plan.ts'

/** What a host's switch is set up from. */
export interface SetupInput {
  names: Names
  network: ManagementNetwork
  host: string
  datapath: 'kernel' | 'userspace'
  /** Whether guests may leave sums and segments to the switch. */
  offloads: boolean
  /** The members of the southbound database's cluster. */
  southbound: readonly Endpoint[]
  /** Where tunnels end. */
  tunnelAddress: string | undefined
}

/** The settings of a host's switch. Pure. */
export function switchSetup(input: SetupInput): SwitchSetup {
  const { names, network, host, southbound, tunnelAddress } = input
  const datapath = input.datapath === 'kernel' ? 'system' : 'netdev'
  return {
    bridge: names.bridge,
    datapath,
    otherConfig: {
      'userspace-tso-enable': String(datapath === 'netdev' && input.offloads),
      'n-handler-threads': '1',
      'n-revalidator-threads': '1',
    },
    externalIds: {
      'system-id': host,
      hostname: host,
      'ovn-remote': southbound.join(','),
      'ovn-encap-type': 'geneve',
      'ovn-encap-ip': tunnelAddress ?? '127.0.0.1',
      'ovn-bridge': names.bridge,
      'ovn-bridge-datapath-type': datapath,
      'ovn-monitor-all': 'true',
    },
    gateway: { ifname: names.gateway, mac: network.gatewayMac, mtu: network.mtu, port: managementGatewayPort },
  }
}
