/** Whether two parts of objects are the same on the wire, where a field that is undefined is not there. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false
  if (Array.isArray(a) || Array.isArray(b))
    return (
      Array.isArray(a) &&
      Array.isArray(b) &&
      a.length === b.length &&
      a.every((part, index) => sameValue(part, b[index]))
    )
  const left = a as Record<string, unknown>
  const right = b as Record<string, unknown>
  for (const name of Object.keys(left)) if (!sameValue(left[name], right[name])) return false
  for (const name of Object.keys(right)) if (right[name] !== undefined && left[name] === undefined) return false
  return true
}
