import { embeddedIpv4, parseIp, type IpNumber } from './ip-number.ts'

/** Ranges such as `10.0.0.0/8`, `fd00::/8`, or single addresses. */
export interface EgressRules {
  /** Opened, though they are closed otherwise. */
  allow: readonly string[]
  /** Closed, though they are open otherwise. */
  deny: readonly string[]
}

/** What nobody may be connected to on somebody's behalf, unless a rule opens it, and what it is. */
const closed: readonly [range: string, what: string][] = [
  ['0.0.0.0/8', 'this host'],
  ['127.0.0.0/8', 'this host'],
  ['::/128', 'this host'],
  ['::1/128', 'this host'],
  ['169.254.0.0/16', 'link-local'],
  ['fe80::/10', 'link-local'],
  ['fec0::/10', 'site-local'],
  // Metadata services outside of 169.254.0.0/16: of Alibaba, Azure, Oracle and AWS.
  ['100.100.100.200/32', 'a metadata service'],
  ['168.63.129.16/32', 'a metadata service'],
  ['192.0.0.192/32', 'a metadata service'],
  ['fd00:ec2::/32', 'a metadata service'],
  ['224.0.0.0/4', 'multicast'],
  ['ff00::/8', 'multicast'],
  ['240.0.0.0/4', 'reserved'],
]

interface Row {
  range: IpNumber
  prefix: number
  /** Why not; undefined where it is open. */
  closed?: string
}

/** Rules ready to be asked. */
export interface EgressTable {
  /** Why an address is closed; undefined where it is open. An address that cannot be read is closed. */
  refusal(address: string): string | undefined
}

/**
 * Which addresses are open: as in routing the narrowest range that holds an address decides; of two alike a rule goes before
 * what is built in, and `deny` before `allow`. What no range holds is open.
 *
 * @param own addresses of this host itself, closed like its loopback
 */
export function egressTable({ allow, deny }: EgressRules, own: readonly string[] = []): EgressTable {
  const rows = [
    ...deny.flatMap((range) => rowOf(range, 'closed by the setting')),
    ...allow.flatMap((range) => rowOf(range)),
    ...own.flatMap((address) => rowOf(address, 'this host')),
    ...closed.flatMap(([range, what]) => rowOf(range, what)),
  ].toSorted((a, b) => b.prefix - a.prefix)
  const refusalOf = (address: IpNumber) => rows.find((row) => holds(row, address))?.closed
  return {
    refusal(text) {
      const address = parseIp(text)
      if (!address) return 'no IP address'
      const inner = embeddedIpv4(address)
      return refusalOf(address) ?? (inner && refusalOf(inner))
    },
  }
}

/** One range. Those that cannot be read were refused where they were written. */
function rowOf(range: string, what?: string): Row[] {
  const [address = '', bits] = range.split('/')
  const parsed = parseIp(address)
  if (!parsed) return []
  const width = parsed.family === 4 ? 32 : 128
  const prefix = bits === undefined ? width : Number(bits)
  if (!Number.isInteger(prefix) || prefix < 0 || prefix > width) return []
  return [{ range: parsed, prefix, ...(what === undefined ? {} : { closed: what }) }]
}

function holds({ range, prefix }: Row, address: IpNumber): boolean {
  if (range.family !== address.family) return false
  const shift = BigInt((range.family === 4 ? 32 : 128) - prefix)
  return range.value >> shift === address.value >> shift
}
