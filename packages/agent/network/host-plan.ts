import { overlaps, parseSubnet } from '@thresher/api/ipv4'
import type { ManagementNetwork } from '@thresher/api/management-network'
import { planGuard, type HostGuard } from './host-guard.ts'
import type { Names } from './names.ts'

/** A route as `ip -json route` prints it, as far as it is used. */
export interface HostRoute {
  /** `default` or CIDR. */
  dst: string
  dev?: string
  type?: string
}

/** Where the guests' DNS questions go to: one address and port of the host's choice. */
export interface DnsTarget {
  address: string
  port: number
}

/** The first route of the host, not our own, that shares addresses with the management network. */
export function conflictingRoute(
  routes: readonly HostRoute[],
  network: ManagementNetwork,
  names: Names,
): HostRoute | undefined {
  const subnet = parseSubnet(network.subnet)
  return routes.find((route) => {
    if (route.dst === 'default' || route.dst.includes(':') || route.dev === names.gateway) return false
    const target = parseSubnet(route.dst)
    // What covers half the world is a default route in pieces, as some VPNs set it.
    return target.prefix >= 8 && overlaps(subnet, target)
  })
}

/**
 * The rules of the host, as one atomic text for `nft -f`: the table is replaced as a whole, other tables are not touched.
 *
 * - guest → host, and QEMU → anywhere: see {@link planGuard};
 * - guest → outside: allowed, with the host's address (masquerade);
 * - outside → guest: only answers; what the host itself sends is not forwarded and passes;
 * - TCP through the host keeps to the smaller MTU of both sides;
 * - a guest's DNS questions to the gateway go where the host asks its own.
 */
export function planRules(
  network: ManagementNetwork,
  names: Names,
  dns: DnsTarget | undefined,
  guard: HostGuard,
): string {
  const gateway = `"${names.gateway}"`
  const questions = dns
    ? ['udp', 'tcp'].map(
        (protocol) =>
          `    iifname ${gateway} ip daddr ${network.gateway} ${protocol} dport 53 dnat ip to ${dns.address}:${dns.port}`,
      )
    : []
  return [
    `table inet ${names.table}`,
    `delete table inet ${names.table}`,
    `table inet ${names.table} {`,
    '  chain arriving {',
    '    type filter hook prerouting priority raw; policy accept;',
    // In the userspace datapath the host's own stack sees a tap's packets too, past the switch and its port security.
    `    iifname "${names.tapPrefix}*" drop`,
    // OVN looks at every question; what it passes on then lacks the sum that the guest left to its NIC (Open vSwitch 3.1).
    `    iifname ${gateway} udp dport 53 udp checksum set 0`,
    '  }',
    '  chain leaving {',
    '    type filter hook output priority raw; policy accept;',
    `    oifname "${names.tapPrefix}*" drop`,
    '  }',
    '  chain dns {',
    '    type nat hook prerouting priority dstnat; policy accept;',
    ...questions,
    '  }',
    '  chain forward {',
    '    type filter hook forward priority filter; policy accept;',
    `    iifname ${gateway} tcp flags syn tcp option maxseg size set rt mtu`,
    `    oifname ${gateway} tcp flags syn tcp option maxseg size set rt mtu`,
    `    iifname ${gateway} accept`,
    `    oifname ${gateway} ct state established,related accept`,
    `    oifname ${gateway} drop`,
    '  }',
    ...planGuard(names, guard),
    '  chain outward {',
    '    type nat hook postrouting priority srcnat; policy accept;',
    `    ip saddr ${network.subnet} ip daddr != ${network.subnet} oifname != ${gateway} masquerade`,
    '  }',
    '}',
    '',
  ].join('\n')
}

/** The rules' removal, which succeeds when there are none. */
export function planRulesRemoval(names: Names): string {
  return `table inet ${names.table}\ndelete table inet ${names.table}\n`
}

/** Lines for `ip -batch` that give the gateway its one address. `now` are its IPv4 addresses, in CIDR. */
export function planGateway(network: ManagementNetwork, names: Names, now: readonly string[]): string[] {
  const wanted = `${network.gateway}/${network.prefix}`
  return [
    ...now.filter((address) => address !== wanted).map((address) => `address del ${address} dev ${names.gateway}`),
    ...(now.includes(wanted) ? [] : [`address add ${wanted} dev ${names.gateway}`]),
    `link set dev ${names.gateway} mtu ${network.mtu} up`,
  ]
}

/**
 * Lines for `ip -batch` that make a tap for a user.
 *
 * The host's own stack stays out of it: no ARP (it would answer for the gateway with the tap's address) and no IPv6 address.
 */
export function planTap(tap: {
  ifname: string
  owner: number
  mtu: number
  neighbour?: { address: string; mac: string; gateway: string }
}): string[] {
  const { ifname, owner, mtu, neighbour } = tap
  return [
    `tuntap add dev ${ifname} mode tap user ${owner}`,
    `link set dev ${ifname} addrgenmode none arp off mtu ${mtu} up`,
    // An address may have been another guest's a moment ago; the host must not go on sending to that one.
    ...(neighbour
      ? [`neighbour replace ${neighbour.address} lladdr ${neighbour.mac} dev ${neighbour.gateway} nud stale`]
      : []),
  ]
}
