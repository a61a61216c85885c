import { cronFault } from './cron.ts'
import { isIP, parseRange } from './ip.ts'
import { isMac } from './mac.ts'

const dnsLabel = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/
const searchLabel = /^[a-z0-9_]([-_a-z0-9]{0,61}[a-z0-9])?$/

/** Whether a name is a lower-case DNS name. @see RFC 1123 section 2.1 */
function isDnsName(name: string, label = dnsLabel): boolean {
  return name.length <= 253 && name.split('.').every((part) => label.test(part))
}

/**
 * Whether a text is base64 with its padding; line ends between the digits are let pass.
 *
 * @see RFC 4648 section 4, and Go's `base64.StdEncoding`, by which Kubernetes and KubeVirt decide
 */
export function isBase64(value: string): boolean {
  const digits = value.replaceAll(/[\r\n]/g, '')
  const padding = digits.endsWith('==') ? 2 : digits.endsWith('=') ? 1 : 0
  return digits.length % 4 === 0 && !/[^A-Za-z0-9+/]/.test(digits.slice(0, digits.length - padding))
}

function isUrl(value: string, ...schemes: string[]): boolean {
  const url = URL.parse(value)
  return url !== null && url.hostname !== '' && (schemes.length === 0 || schemes.includes(url.protocol))
}

function isCertificateRequest(value: string): boolean {
  if (!isBase64(value)) return false
  const pem = atob(value)
  const begin = pem.indexOf('-----BEGIN CERTIFICATE REQUEST-----')
  return begin >= 0 && pem.indexOf('-----END CERTIFICATE REQUEST-----', begin) > begin
}

const must = (holds: (value: string) => boolean, message: string) => (value: string) =>
  holds(value) ? undefined : message

/**
 * What texts with a form of their own must look like: each says what is wrong with a text, undefined when nothing is, in time
 * linear in its length. `field` is its path, for messages that name it.
 */
export const innerFormats = {
  base64: (value: string, field: string) => (isBase64(value) ? undefined : `${field} is not a valid base64 value.`),
  certificateRequest: must(isCertificateRequest, 'must be a certificate request (PKCS #10) in PEM, in base64'),
  cidr: must((value) => parseRange(value) !== undefined, 'must be an address range, such as 192.0.2.0/24'),
  clusterIp: must((value) => value === 'None' || isIP(value) !== 0, 'must be an IP address, or None'),
  cron: (value: string) => {
    const fault = cronFault(value)
    return fault === undefined ? undefined : `invalid cron format: ${fault}`
  },
  dnsName: must((value) => isDnsName(value.replace(/\.$/, '')), 'must be a DNS name, such as www.example.com'),
  host: must(
    (value) => isDnsName(value.replace(/^\*\./, '')),
    'must be a DNS name, such as www.example.com or *.example.com',
  ),
  httpsUrl: must((value) => isUrl(value, 'https:'), 'must be a URL that begins with https://'),
  ip: must((value) => isIP(value) !== 0, 'must be an IP address, such as 192.0.2.1'),
  mac: must(isMac, 'must be six pairs of hex digits, such as 52:54:00:12:34:56'),
  searchDomain: must(
    (value) => value === '.' || isDnsName(value.replace(/\.$/, ''), searchLabel),
    'must be a DNS name, such as example.com',
  ),
  url: must((value) => isUrl(value), 'must be a URL with a host, such as https://example.com/disk'),
  webUrl: must((value) => isUrl(value, 'http:', 'https:'), 'must be a URL that begins with http:// or https://'),
} as const satisfies Record<string, (value: string, field: string) => string | undefined>

/** The name of one of them. */
export type InnerFormat = keyof typeof innerFormats
