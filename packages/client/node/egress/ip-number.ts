import { isIP } from 'node:net'

/** An IP address as a number, so that every way of writing it compares alike. */
export interface IpNumber {
  family: 4 | 6
  value: bigint
}

/**
 * Read an address. Zones (`fe80::1%eth0`) and brackets are left out.
 *
 * @returns undefined for what is no address in full, such as `127.1`: names are resolved, not read
 */
export function parseIp(text: string): IpNumber | undefined {
  const bare = text.replace(/^\[(.*)\]$/, '$1').replace(/%.*$/, '')
  const family = isIP(bare)
  if (family === 4) return { family, value: BigInt(fromDotted(bare)) }
  return family === 6 ? { family, value: fromGroups(bare) } : undefined
}

function fromDotted(text: string): number {
  return text.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0)
}

function fromGroups(text: string): bigint {
  const plain = text.replace(/[\d.]+\.[\d.]+$/, (dotted) => {
    const value = fromDotted(dotted)
    return `${Math.floor(value / 0x10000).toString(16)}:${(value % 0x10000).toString(16)}`
  })
  const [left = '', right] = plain.split('::')
  const groups = (side: string) => side.split(':').filter(Boolean)
  const head = groups(left)
  const tail = groups(right ?? '')
  const middle = Array.from({ length: 8 - head.length - tail.length }, () => '0')
  return [...head, ...middle, ...tail].reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n)
}

const low32 = 0xffff_ffffn

/**
 * The IPv4 address that an IPv6 address stands for, which is where a connection to it may end.
 *
 * @see RFC 4291 section 2.5.5 (mapped, compatible), RFC 6052 (NAT64), RFC 3056 (6to4)
 */
export function embeddedIpv4({ family, value }: IpNumber): IpNumber | undefined {
  if (family === 4) return undefined
  const high = value >> 32n
  // `::` and `::1` are addresses of their own.
  const compatible = high === 0n && value > 1n
  if (compatible || high === 0xffffn || high === 0x0064_ff9b_0000_0000_0000_0000n)
    return { family: 4, value: value & low32 }
  if (value >> 112n === 0x2002n) return { family: 4, value: (value >> 80n) & low32 }
  return undefined
}
