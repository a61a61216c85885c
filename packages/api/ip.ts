/** The family of an IP address as it is written; 0 when it is none. The same verdicts as Node's `net.isIP`, without a zone. */
export function isIP(text: string): 0 | 4 | 6 {
  if (isIpv4(text)) return 4
  return isIpv6(text) ? 6 : 0
}

function isIpv4(text: string): boolean {
  const octets = text.split('.')
  return octets.length === 4 && octets.every((octet) => /^(0|[1-9]\d{0,2})$/.test(octet) && Number(octet) <= 255)
}

/** @see RFC 4291 section 2.2 */
function isIpv6(text: string): boolean {
  if (text.length > 45) return false
  const [left = '', right, ...more] = text.split('::')
  if (more.length > 0) return false
  const groups = [...groupsOf(left, right === undefined), ...(right === undefined ? [] : groupsOf(right, true))]
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return false
  return right === undefined ? groups.length === 8 : groups.length < 8
}

/** The groups on one side of `::`; a dotted IPv4 address at the very end stands for two. */
function groupsOf(side: string, last: boolean): string[] {
  if (side === '') return []
  const groups = side.split(':')
  const tail = groups.at(-1) ?? ''
  return last && isIpv4(tail) ? [...groups.slice(0, -1), '0', '0'] : groups
}

/** An IPv4 or IPv6 range as its first address and prefix length; undefined when it is none. */
export function parseRange(range: string): { address: string; prefix: number; family: number } | undefined {
  const [address = '', bits = '', ...rest] = range.split('/')
  const family = isIP(address)
  const prefix = rest.length === 0 && /^(0|[1-9]\d{0,2})$/.test(bits) ? Number(bits) : -1
  return family !== 0 && prefix >= 0 && prefix <= (family === 4 ? 32 : 128) ? { address, prefix, family } : undefined
}
