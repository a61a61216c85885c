import type { JsonSchema } from '@thresher/api/kind'

/** A name that may stand at a place, with what its schema says of it. */
export interface Suggestion {
  name: string
  type: string
  about?: string
}

/**
 * The names of the maps around a line of YAML in block style, outermost first, found by indentation; list items are `[]`.
 *
 * @param lines the text up to and with the line in question
 */
export function pathAbove(lines: readonly string[]): string[] {
  const path: string[] = []
  const last = lines.at(-1) ?? ''
  let indent = indentOf(last)
  for (let at = lines.length - 2; at >= 0 && indent > 0; at--) {
    const line = lines[at] ?? ''
    if (line.trim() === '' || line.trim().startsWith('#')) continue
    const depth = /^\s*/.exec(line)![0].length
    const dash = /^(\s*)-\s+/.exec(line)
    const keyed = /^[\s-]*([\w./-]+):\s*(?:#.*)?$/.exec(line)
    if (dash && dash[0].length === indent) {
      path.unshift('[]')
      indent = depth + 1
    }
    if (depth >= indent || !keyed) continue
    path.unshift(keyed[1]!)
    indent = depth + (dash && dash[0].length !== depth ? 1 : 0)
    if (dash) indent = depth + 1
  }
  return path
}

/** Where a line's own content begins: behind its spaces, and behind the dash of a list item. */
function indentOf(line: string): number {
  return /^\s*(?:-\s+)?/.exec(line)![0].length
}

/** The schema at a path; undefined where nothing is known. */
export function schemaAt(schema: JsonSchema, path: readonly string[]): JsonSchema | undefined {
  let at: JsonSchema | undefined = schema
  for (const part of path) {
    if (!at) return undefined
    if (part === '[]') at = at.items
    else {
      const named: JsonSchema | undefined = at.type === 'array' ? at.items : at
      const other = Object.values(named?.patternProperties ?? {})[0] ?? named?.additionalProperties
      at = named?.properties?.[part] ?? (typeof other === 'object' ? other : undefined)
    }
  }
  return at?.type === 'array' && at.items ? at.items : at
}

/** The names that may stand at a path. */
export function suggestionsAt(schema: JsonSchema, path: readonly string[]): Suggestion[] {
  return Object.entries(schemaAt(schema, path)?.properties ?? {}).map(([name, property]) => ({
    name,
    type: property.type ?? (property.enum ? 'enum' : ''),
    about: property.description,
  }))
}

/** The values that may stand behind a name at a path. */
export function valuesAt(schema: JsonSchema, path: readonly string[], name: string): string[] {
  const property = schemaAt(schema, [...path, name])
  if (property?.type === 'boolean') return ['true', 'false']
  return (property?.enum ?? []).map(String)
}
