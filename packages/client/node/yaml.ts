import { stringify } from 'yaml'

/** An object as YAML, long lines left whole. */
export function toYaml(object: unknown): string {
  return stringify(object, { lineWidth: 0 }).trimEnd()
}
