import type { Setting } from '../setting.ts'
import { settingNamed, settings } from './table.ts'

/** What a setting amounts to: its value, else its default, else the declared default. */
export function effectiveValue(name: string, setting: Setting | undefined): string {
  return setting?.value || setting?.default || settingNamed(name)?.default || ''
}

/** A JSON setting's effective value; the declared default's where the stored text is no JSON. */
export function effectiveJson(name: string, setting: Setting | undefined): Record<string, unknown> {
  for (const written of [effectiveValue(name, setting), settingNamed(name)?.default ?? '']) {
    try {
      const parsed: unknown = JSON.parse(written || '{}')
      if (typeof parsed === 'object' && parsed !== null) return parsed as Record<string, unknown>
    } catch {
      // Text from before the check existed; the default stands in.
    }
  }
  return {}
}

/**
 * The Setting objects that a server makes where they are missing.
 *
 * @param version of the server, such as `v1.8.0`
 * @param environment values by HARVESTER_<NAME>, defaults by HARVESTER_<NAME>_DEFAULT_VALUE
 */
export function settingObjects(version: string, environment: Record<string, string | undefined> = {}): Setting[] {
  return settings.map((declared) => {
    const variable = `HARVESTER_${declared.name.toUpperCase().replaceAll('-', '_')}`
    const given = environment[variable]
    const value = declared.name === 'server-version' ? version : given
    return {
      apiVersion: 'harvesterhci.io/v1beta1',
      kind: 'Setting',
      metadata: { name: declared.name },
      default: environment[`${variable}_DEFAULT_VALUE`] ?? declared.default,
      ...(value ? { value } : {}),
      ...(given === undefined ? {} : { source: 'env' }),
    }
  })
}
