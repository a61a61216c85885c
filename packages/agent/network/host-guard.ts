import type { GuestUids } from '../guest-uids.ts'
import type { Names } from './names.ts'

/** What guests, and what may have taken over a guest's QEMU, can reach of the host and past it. */
export interface HostGuard {
  /** TCP ports of the host that guests may reach: that of the API, and what the host's owner opened. */
  openPorts: readonly number[]
  /** The users that guests' QEMUs run as. */
  guestUids?: GuestUids
}

/** Addresses that mean something else on every host, where a cloud keeps its hosts' credentials. */
const hostsOnly = ['169.254.0.0/16', '100.100.100.200', '168.63.129.16', '192.0.0.192']

/**
 * Chains that keep the host to itself:
 *
 * - guest → host: answers, ICMP, DNS, and the open ports; the rest is refused;
 * - guest → link-local and metadata addresses: refused;
 * - QEMU → anywhere: refused, as it has sockets for nobody but the agent; what a guest sends goes by its tap, not by these.
 */
export function planGuard(names: Names, { openPorts, guestUids }: HostGuard): string[] {
  const gateway = `"${names.gateway}"`
  const ports = openPorts.length > 0 ? [`    iifname ${gateway} tcp dport { ${openPorts.join(', ')} } accept`] : []
  return [
    '  chain input {',
    '    type filter hook input priority filter; policy accept;',
    `    iifname ${gateway} ct state established,related accept`,
    `    iifname ${gateway} ip protocol icmp accept`,
    // Of all that guests send only their DNS questions are given another destination.
    `    iifname ${gateway} ct status dnat accept`,
    ...ports,
    `    iifname ${gateway} reject`,
    '  }',
    '  chain egress {',
    // Before the chain that lets guests out.
    '    type filter hook forward priority filter - 1; policy accept;',
    `    iifname ${gateway} ip daddr { ${hostsOnly.join(', ')} } reject`,
    '  }',
    ...(guestUids
      ? [
          '  chain confined {',
          '    type filter hook output priority filter; policy accept;',
          `    meta skuid ${guestUids.first}-${guestUids.first + guestUids.count - 1} reject`,
          '  }',
        ]
      : []),
  ]
}
