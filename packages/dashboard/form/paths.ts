/** The parts of a path such as `spec.url` or `metadata.annotations[a.b/c]`. */
export function partsOf(path: string): string[] {
  return [...path.matchAll(/\[([^\]]*)\]|([^.[\]]+)/g)].map(([, bracketed, plain]) => bracketed ?? plain ?? '')
}

/** The value at a path; undefined when it is not there. */
export function valueAt(value: unknown, path: string): unknown {
  let at = value
  for (const part of partsOf(path)) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, part)) return undefined
    at = (at as Record<string, unknown>)[part]
  }
  return at
}

/** A copy with another value at a path; undefined takes the field away, and objects that are empty then. */
export function withValue<T>(value: T, path: string, next: unknown): T {
  return setIn(value, partsOf(path), next) as T
}

function setIn(value: unknown, [part, ...rest]: string[], next: unknown): unknown {
  if (part === undefined) return next
  if (Array.isArray(value)) {
    const copy: unknown[] = [...(value as unknown[])]
    copy[Number(part)] = setIn(copy[Number(part)], rest, next)
    return copy
  }
  const fields = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  const inner = setIn(fields[part], rest, next)
  const copy = { ...fields }
  const isEmpty = typeof inner === 'object' && inner !== null && Object.keys(inner).length === 0
  if (inner === undefined || (next === undefined && isEmpty)) delete copy[part]
  else copy[part] = inner
  return copy
}
