import type { Setting } from '../setting.ts'
import { jsonObject } from './checks.ts'
import type { SettingDeclaration } from './declaration.ts'
import { isIP, parseRange } from '../../ip.ts'

/** The name of the setting below. */
export const outboundRangesSetting = 'outbound-ranges'

const fields = ['allow', 'deny'] as const

/** The setting that says where hosts may fetch from what users name: images, and whatever else has a URL. */
export const outboundRangesDeclaration: SettingDeclaration = {
  name: outboundRangesSetting,
  default: '{"allow":[],"deny":[]}',
  about:
    'Address ranges that hosts may (allow) or may not (deny) fetch users’ URLs from, beyond what is built in; the narrowest range decides.',
  check: jsonObject((value) => [
    ...Object.keys(value)
      .filter((name) => !fields.some((field) => field === name))
      .map((name) => `${name} is unknown: use allow and deny`),
    ...fields.flatMap((name) => checkRanges(name, value[name])),
  ]),
}

function checkRanges(name: string, ranges: unknown): string[] {
  if (ranges === undefined) return []
  if (!Array.isArray(ranges)) return [`${name} must be a list of ranges`]
  return ranges
    .filter((range) => typeof range !== 'string' || !(parseRange(range) ?? isIP(range)))
    .map((range) => `${name}: ${JSON.stringify(range)} is no address or range such as 192.0.2.0/24`)
}

/** What the setting holds now. */
export function outboundRanges(setting: Setting | undefined): { allow: string[]; deny: string[] } {
  const text = setting?.value || setting?.default || outboundRangesDeclaration.default
  const list = (value: unknown) =>
    Array.isArray(value) ? value.filter((range): range is string => typeof range === 'string') : []
  try {
    const { allow, deny } = JSON.parse(text) as { allow?: unknown; deny?: unknown }
    return { allow: list(allow), deny: list(deny) }
  } catch {
    return { allow: [], deny: [] }
  }
}
