/** The name that `metadata.name=…` in a field selector asks for, if it does; such a selection needs no search. */
export function findExactName(fieldSelector: string | null): string | undefined {
  if (!fieldSelector?.includes('metadata.name')) return undefined
  for (const term of fieldSelector.split(',')) {
    const match = /^\s*metadata\.name\s*==?\s*([^=!\\\s]+)\s*$/.exec(term)
    if (match) return match[1]
  }
  return undefined
}
