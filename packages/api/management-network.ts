import { formatIpv4, formatSubnet, isHost, parseIpv4, parseSubnet } from './ipv4.ts'
import { gatewayMacPrefix } from './mac.ts'

/** The network that every guest is on unless it asks for another: the same on all hosts, each host being its gateway. */
export interface ManagementNetwork {
  /** CIDR. */
  subnet: string
  prefix: number
  /** The hosts' own address in it. */
  gateway: string
  /** The hosts' own hardware address in it. */
  gatewayMac: string
  /** Bytes. */
  mtu: number
  /** The DNS domain that guests search. */
  domain: string
}

/** The name of the management network's logical switch. */
export const managementSwitch = 'mgmt'

/** The logical port that every host binds for itself. */
export const managementGatewayPort = 'mgmt-gateway'

/** What may be chosen; the rest follows. */
export interface ManagementNetworkChoice {
  /** 10.52.0.0/16 unless given. */
  subnet?: string
  /** The subnet's first host address unless given. */
  gateway?: string
  /** 1442 unless given: what Geneve leaves of 1500 on the way to another host. */
  mtu?: number
  /** `thresher.internal` unless given. */
  domain?: string
}

/** Fill in and check a choice. @throws {RangeError} with what to change */
export function managementNetwork(choice: ManagementNetworkChoice = {}): ManagementNetwork {
  const subnet = parseSubnet(choice.subnet ?? '10.52.0.0/16')
  if (subnet.prefix < 8 || subnet.prefix > 28)
    throw new RangeError(`the management subnet ${formatSubnet(subnet)} must be between /8 and /28`)
  const gateway = choice.gateway === undefined ? subnet.first + 1 : parseIpv4(choice.gateway)
  if (!isHost(subnet, gateway))
    throw new RangeError(`the gateway ${formatIpv4(gateway)} is no host address of ${formatSubnet(subnet)}`)
  const mtu = choice.mtu ?? 1442
  if (!Number.isInteger(mtu) || mtu < 576 || mtu > 9000)
    throw new RangeError(`the management MTU ${mtu} must be between 576 and 9000`)
  const domain = choice.domain ?? 'thresher.internal'
  if (!/^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/.test(domain)) throw new RangeError(`"${domain}" is not a DNS domain`)
  const octets = formatIpv4(gateway)
    .split('.')
    .map((octet) => Number(octet).toString(16).padStart(2, '0'))
  return {
    subnet: formatSubnet(subnet),
    prefix: subnet.prefix,
    gateway: formatIpv4(gateway),
    gatewayMac: `${gatewayMacPrefix}${octets.join(':')}`,
    mtu,
    domain,
  }
}
