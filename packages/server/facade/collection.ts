import type { KubeObject } from '@thresher/api/meta'

/** Which part of a list is wanted, and in what order. */
export interface Selection {
  objects: KubeObject[]
  /** Of all that fit. */
  count: number
  /** With a page size. */
  pages?: number
}

/** Filter, sort and page a list as the query asks. */
export function select(objects: KubeObject[], query: URLSearchParams): Selection {
  const filters = query.getAll('filter').map(parseFilter)
  const namespaces = parseNamespaces(query.get('projectsornamespaces'))
  let chosen = objects.filter(
    (object) => filters.every((matches) => matches(object)) && namespaces(object.metadata.namespace),
  )
  const order = (query.get('sort') ?? '').split(',').filter(Boolean)
  if (order.length > 0) chosen = chosen.toSorted((a, b) => compareBy(order, a, b))
  const size = Number(query.get('pagesize') ?? 0)
  if (!Number.isInteger(size) || size < 1) return { objects: chosen, count: chosen.length }
  const page = Math.max(1, Math.trunc(Number(query.get('page') ?? 1)) || 1)
  const pages = Math.max(1, Math.ceil(chosen.length / size))
  return { objects: chosen.slice((page - 1) * size, page * size), count: chosen.length, pages }
}

type Predicate = (object: KubeObject) => boolean

/**
 * One filter: `field=part`, `field='whole'`, `field!=part`, with commas between alternatives.
 * A term without an operator asks only for the field to be there.
 */
function parseFilter(filter: string): Predicate {
  const terms = filter.split(',').filter(Boolean).map(parseTerm)
  return (object) => terms.length === 0 || terms.some((matches) => matches(object))
}

function parseTerm(term: string): Predicate {
  const [, field = '', operator, wanted = ''] = /^([^!=]*)(!?=)?(.*)$/s.exec(term) ?? []
  const path = splitPath(field)
  if (!operator) return (object) => valuesAt(object, path).some((value) => value !== undefined)
  const quoted = /^(['"])(.*)\1$/s.exec(wanted)
  const text = quoted?.[2] ?? wanted
  const matches = (object: KubeObject) =>
    valuesAt(object, path).some((value) =>
      quoted ? asText(value) === text : asText(value).toLowerCase().includes(text.toLowerCase()),
    )
  return operator === '=' ? matches : (object) => !matches(object)
}

/** The parts of a path such as `metadata.labels[app.kubernetes.io/name]` or `spec.containers.image`. */
function splitPath(path: string): string[] {
  return [...path.matchAll(/\[([^\]]*)\]|([^.[\]]+)/g)].map(([, inBrackets, plain]) => inBrackets ?? plain ?? '')
}

/** All values at a path; a list on the way stands for each of its items. */
function valuesAt(value: unknown, path: string[]): unknown[] {
  const [first, ...rest] = path
  if (first === undefined) return Array.isArray(value) ? value : [value]
  if (Array.isArray(value)) {
    if (/^\d+$/.test(first)) return valuesAt(value[Number(first)], rest)
    return value.flatMap((item) => valuesAt(item, path))
  }
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, first)) return [undefined]
  return valuesAt((value as Record<string, unknown>)[first], rest)
}

function asText(value: unknown): string {
  if (value === undefined || value === null) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function compareBy(order: string[], a: KubeObject, b: KubeObject): number {
  for (const key of order) {
    const down = key.startsWith('-')
    const path = splitPath(down ? key.slice(1) : key)
    const [left] = valuesAt(a, path)
    const [right] = valuesAt(b, path)
    const difference =
      typeof left === 'number' && typeof right === 'number' ? left - right : compareText(asText(left), asText(right))
    if (difference !== 0) return down ? -difference : difference
  }
  return 0
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function parseNamespaces(names: string | null): (namespace: string | undefined) => boolean {
  if (!names) return () => true
  const wanted = new Set(names.split(',').filter(Boolean))
  return (namespace) => wanted.has(namespace ?? '')
}

/** Leave out the parts that the query excludes, such as `metadata.managedFields`. */
export function withoutExcluded<T extends object>(object: T, query: URLSearchParams): T {
  const excluded = query.getAll('exclude').flatMap((list) => list.split(','))
  return excluded.reduce((rest, path) => without(rest, splitPath(path)), object)
}

function without<T extends object>(object: T, [first, ...rest]: string[]): T {
  if (first === undefined || !Object.hasOwn(object, first)) return object
  const copy = { ...object } as Record<string, unknown>
  const inner = copy[first]
  if (rest.length === 0) delete copy[first]
  else if (typeof inner === 'object' && inner !== null && !Array.isArray(inner)) copy[first] = without(inner, rest)
  return copy as T
}
