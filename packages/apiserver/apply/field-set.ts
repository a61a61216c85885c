import { isObject, setOwn, type JsonObject } from '../schema/clone.ts'

/**
 * A set of field paths, as a tree of path elements in their FieldsV1 form: `f:spec`, `k:{"name":"a"}`, `v:"x"`, `i:0`.
 *
 * Nodes are never changed once they are shared, so that sets can share parts.
 */
export interface FieldSet {
  /** Whether the path that leads here belongs to the set itself. */
  member: boolean
  children: Map<string, FieldSet> | undefined
}

/** The set without any path. */
export const emptySet: FieldSet = Object.freeze({ member: false, children: undefined })
/** Only the path itself. */
export const leaf: FieldSet = Object.freeze({ member: true, children: undefined })

/** Whether no path belongs to the set. */
export function isEmpty(set: FieldSet): boolean {
  return !set.member && (set.children?.size ?? 0) === 0
}

/** A set of these children, those without paths left out. */
export function node(member: boolean, children: Map<string, FieldSet>): FieldSet {
  if (children.size === 0) return member ? leaf : emptySet
  return { member, children }
}

/** All paths of both. */
export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b || isEmpty(b)) return a
  if (isEmpty(a)) return b
  if (!a.children || !b.children) {
    const children = a.children ?? b.children
    return { member: a.member || b.member, children }
  }
  const children = new Map(a.children)
  for (const [key, other] of b.children) {
    const mine = children.get(key)
    children.set(key, mine ? union(mine, other) : other)
  }
  return { member: a.member || b.member, children }
}

/** The paths of `a` that are not in `b`. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmpty(a) || isEmpty(b)) return a
  const member = a.member && !b.member
  if (!a.children || !b.children) return member === a.member ? a : node(member, a.children ?? new Map())
  const children = new Map<string, FieldSet>()
  let same = member === a.member
  for (const [key, mine] of a.children) {
    const other = b.children.get(key)
    const rest = other ? difference(mine, other) : mine
    if (rest !== mine) same = false
    if (!isEmpty(rest)) children.set(key, rest)
  }
  return same ? a : node(member, children)
}

/** The paths that are in both. */
export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  const children = new Map<string, FieldSet>()
  if (a.children && b.children) {
    for (const [key, mine] of a.children) {
      const other = b.children.get(key)
      const both = other ? intersection(mine, other) : emptySet
      if (!isEmpty(both)) children.set(key, both)
    }
  }
  return node(a.member && b.member, children)
}

/** Whether both hold the same paths. */
export function equalSets(a: FieldSet, b: FieldSet): boolean {
  if (a === b) return true
  if (a.member !== b.member || (a.children?.size ?? 0) !== (b.children?.size ?? 0)) return false
  for (const [key, mine] of a.children ?? []) {
    const other = b.children?.get(key)
    if (!other || !equalSets(mine, other)) return false
  }
  return true
}

/** The paths as Kubernetes writes them: `.spec.containers[name="web"].image`. */
export function pathsOf(set: FieldSet, prefix = ''): string[] {
  const own = set.member ? [prefix || '.'] : []
  const below = [...(set.children ?? [])].toSorted(([a], [b]) => (a < b ? -1 : 1))
  return own.concat(...below.map(([key, child]) => pathsOf(child, prefix + readable(key))))
}

function readable(element: string): string {
  const value = element.slice(2)
  if (element.startsWith('f:')) return `.${value}`
  if (element.startsWith('k:')) {
    const keys = Object.entries(JSON.parse(value) as JsonObject)
    return `[${keys.map(([name, key]) => `${name}=${JSON.stringify(key)}`).join(',')}]`
  }
  return element.startsWith('v:') ? `[=${value}]` : `[${value}]`
}

/** Deeper than any object that the server takes. */
const maxDepth = 600

/**
 * Read a set out of the `fieldsV1` of a managed fields entry.
 *
 * @throws {TypeError} when it is not of that form
 */
export function parseFieldsV1(fields: unknown, depth = 0): FieldSet {
  if (!isObject(fields) || depth > maxDepth) throw new TypeError('fieldsV1 is not a tree of path elements')
  const names = Object.keys(fields)
  if (names.length === 0) return depth === 0 ? emptySet : leaf
  const children = new Map<string, FieldSet>()
  let member = false
  for (const name of names) {
    if (name === '.') member = depth > 0
    else if (isElement(name)) children.set(name, parseFieldsV1(fields[name], depth + 1))
    else throw new TypeError(`${name} is not a path element`)
  }
  return node(member, children)
}

function isElement(name: string): boolean {
  if (name.startsWith('f:')) return true
  if (name.startsWith('i:')) return /^i:-?\d+$/.test(name)
  if (!name.startsWith('k:') && !name.startsWith('v:')) return false
  try {
    const value: unknown = JSON.parse(name.slice(2))
    return name.startsWith('v:') || isObject(value)
  } catch {
    return false
  }
}

/** The set as `fieldsV1`, elements in the order of their text. */
export function toFieldsV1(set: FieldSet): JsonObject {
  const fields: JsonObject = {}
  if (!set.children) return fields
  for (const [name, child] of [...set.children].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const below = toFieldsV1(child)
    setOwn(fields, name, child.member && child.children ? { '.': {}, ...below } : below)
  }
  return fields
}
