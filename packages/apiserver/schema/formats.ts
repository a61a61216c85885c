import { isIPv4, isIPv6 } from 'node:net'
import { isBase64 } from '@thresher/api/inner-formats'
import { parseRange } from '@thresher/api/ip'
import { isQuantity } from '@thresher/api/quantity'

const text =
  (pattern: RegExp, maxLength = 2048) =>
  (value: unknown) =>
    typeof value === 'string' && value.length <= maxLength && pattern.test(value)

const dateTime =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])[Tt ](?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d{1,9})?(?:[Zz]|[+-]\d{2}:\d{2})$/
const hostname =
  /^(?=.{1,253}$)[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*\.?$/

function isUri(value: unknown): boolean {
  return typeof value === 'string' && URL.canParse(value)
}

const within = (least: number, most: number) => (value: unknown) =>
  typeof value !== 'number' || (value >= least && value <= most)

/**
 * The formats that are checked, as Kubernetes checks them in custom resources; others are accepted unseen.
 * Number formats judge only numbers, the others only text.
 */
export const formats: ReadonlyMap<string, (value: unknown) => boolean> = new Map([
  ['int32', within(-2_147_483_648, 2_147_483_647)],
  ['int64', within(-(2 ** 63), 2 ** 63)],
  ['date-time', text(dateTime)],
  ['datetime', text(dateTime)],
  ['date', text(/^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/)],
  ['duration', text(/^[+-]?(?:0|(?:\d{1,18}(?:\.\d{0,18})?(?:ns|us|µs|μs|ms|s|m|h|d|w)\s?)+)$/i, 256)],
  ['byte', (value) => typeof value === 'string' && isBase64(value)],
  ['ipv4', (value) => typeof value === 'string' && isIPv4(value)],
  ['ipv6', (value) => typeof value === 'string' && isIPv6(value)],
  ['cidr', (value) => typeof value === 'string' && parseRange(value) !== undefined],
  ['hostname', text(hostname)],
  ['email', text(/^[^\s@]{1,254}@[^\s@]{1,254}$/)],
  ['uri', isUri],
  ['mac', text(/^(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i)],
  ['uuid', text(/^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i)],
  ['quantity', isQuantity],
])
