const form = /^[0-9a-f]{2}([:-])[0-9a-f]{2}(\1[0-9a-f]{2}){4}$/i

/** Whether a text is a hardware address: pairs of hex digits parted by colons or, throughout, by hyphens. */
export function isMac(text: string): boolean {
  return form.test(text)
}

/**
 * The canonical form of a hardware address: six pairs of lower-case digits parted by colons.
 *
 * @param text pairs parted by colons or, throughout, by hyphens; upper or lower case
 * @throws {RangeError} when it is not of that form
 */
export function parseMac(text: string): string {
  if (!isMac(text)) throw new RangeError(`${JSON.stringify(text)} is not a MAC address such as 52:54:00:12:34:56`)
  return text.toLowerCase().replaceAll('-', ':')
}

/** Whether an address means several receivers: the lowest bit of its first octet is set, as in a broadcast. @see IEEE 802 */
export function isMulticastMac(mac: string): boolean {
  return Number.parseInt(mac.slice(0, 2), 16) % 2 === 1
}

/** What the gateways' own addresses begin with; the rest is their IPv4 address. Locally administered (IEEE 802). */
export const gatewayMacPrefix = '0a:00:'

/** Why no guest may have an address, whatever its network; undefined when one may. @param mac in canonical form */
export function unfitMac(mac: string): string | undefined {
  if (isMulticastMac(mac)) return `${mac} is a multicast address; choose one whose first octet is even`
  if (mac === '00:00:00:00:00:00') return `${mac} is no address of a card; choose another or leave it out`
  if (mac.startsWith(gatewayMacPrefix)) return `${mac} is in the range of the gateways; choose another or leave it out`
  return undefined
}
