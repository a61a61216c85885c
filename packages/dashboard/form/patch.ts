import { same } from '@thresher/api/same'
import { partsOf, valueAt, withValue } from './paths.ts'

/**
 * The merge patch that makes of one object another at the given paths; undefined when they do not differ there.
 *
 * A field that is gone is null in it, and so is a name in a map. @see RFC 7396
 */
export function patchOf(from: unknown, to: unknown, paths: readonly string[]): Record<string, unknown> | undefined {
  let patch: Record<string, unknown> | undefined
  for (const path of paths) {
    const before = valueAt(from, path)
    const after = valueAt(to, path)
    if (same(before, after)) continue
    const whole = wholeOf(path)
    patch = withValue(patch ?? {}, whole, difference(valueAt(from, whole), valueAt(to, whole)))
  }
  return patch
}

/** A list cannot be patched in part: the path up to the list. */
function wholeOf(path: string): string {
  const parts = partsOf(path)
  const index = parts.findIndex((part) => /^\d+$/.test(part))
  return index < 0
    ? path
    : parts
        .slice(0, index)
        .map((part) => `[${part}]`)
        .join('')
}

function difference(before: unknown, after: unknown): unknown {
  if (after === undefined) return null
  if (!isMap(before) || !isMap(after)) return after
  const gone = Object.keys(before).filter((name) => !Object.hasOwn(after, name))
  return { ...after, ...Object.fromEntries(gone.map((name) => [name, null])) }
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
