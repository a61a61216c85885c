/** An IPv4 subnet: its first address as a number, and how many leading bits are the network's. */
export interface Subnet {
  first: number
  prefix: number
}

/** An IPv4 address as a number below 2^32. @throws {RangeError} when it is not four decimal octets without leading zeros, which some read as octal */
export function parseIpv4(text: string): number {
  const octets = /^(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})$/
    .exec(text)
    ?.slice(1)
    .map(Number)
  if (!octets || octets.some((octet) => octet > 255)) throw new RangeError(`${text} is not an IPv4 address`)
  return octets.reduce((sum, octet) => sum * 256 + octet, 0)
}

/** The dotted form of an address. */
export function formatIpv4(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.')
}

/** How many addresses a subnet has. */
export function sizeOf(subnet: Subnet): number {
  return 2 ** (32 - subnet.prefix)
}

/**
 * A subnet in CIDR form; a bare address is a subnet of one.
 *
 * @throws {RangeError} when it is not of that form or has bits set behind the prefix, naming the nearest that is right
 */
export function parseSubnet(text: string): Subnet {
  const [address = '', length = '32', ...rest] = text.split('/')
  const prefix = Number(length)
  if (rest.length > 0 || !/^\d{1,2}$/.test(length) || prefix > 32)
    throw new RangeError(`${text} is not a subnet like 10.52.0.0/16`)
  const first = parseIpv4(address)
  const base = first - (first % 2 ** (32 - prefix))
  if (base !== first) throw new RangeError(`${text} is an address within a subnet: write ${formatIpv4(base)}/${prefix}`)
  return { first, prefix }
}

/** The CIDR form. */
export function formatSubnet(subnet: Subnet): string {
  return `${formatIpv4(subnet.first)}/${subnet.prefix}`
}

/** Whether an address can be a host's: neither the subnet's own nor its broadcast. @see RFC 1122 §3.2.1.3 */
export function isHost(subnet: Subnet, address: number): boolean {
  return address > subnet.first && address < subnet.first + sizeOf(subnet) - 1
}

/** Whether an address lies in a subnet. */
export function contains(subnet: Subnet, address: number): boolean {
  return address >= subnet.first && address < subnet.first + sizeOf(subnet)
}

/** Whether two subnets share an address. */
export function overlaps(one: Subnet, other: Subnet): boolean {
  return contains(one, other.first) || contains(other, one.first)
}
