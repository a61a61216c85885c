import type { KubeObject } from '@thresher/api/meta'

/** A row of a list. */
export interface Row {
  /** `namespace/name`. */
  key: string
  uid: string
  object: KubeObject
  /** In place of an object: the name of the group of rows that follows, and how many they are. */
  heading?: { name: string; count: number }
}

/** How a list is ordered: by which column, and whether downwards. */
export interface Order {
  column: string
  down: boolean
}

/** A value that rows are ordered by. */
export type SortValue = string | number | undefined

/** Read an order as it stands in the address: `name`, `-age`. */
export function parseOrder(text: string | null, otherwise: string): Order {
  if (!text) return { column: otherwise, down: false }
  return text.startsWith('-') ? { column: text.slice(1), down: true } : { column: text, down: false }
}

/** The order as {@link parseOrder} reads it. */
export function formatOrder({ column, down }: Order): string {
  return down ? `-${column}` : column
}

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' })

function compare(left: SortValue, right: SortValue): number {
  if (left === right) return 0
  if (left === undefined || left === '') return 1
  if (right === undefined || right === '') return -1
  if (typeof left === 'number' && typeof right === 'number') return left - right
  return collator.compare(String(left), String(right))
}

/** Rows in order; what has no value comes last either way. Equal rows keep their order by name. */
export function sortRows<R extends { key: string }>(rows: R[], valueOf: (row: R) => SortValue, down: boolean): R[] {
  const keyed = rows.map((row) => ({ row, value: valueOf(row) }))
  const isEmpty = (value: SortValue) => value === undefined || value === ''
  keyed.sort((a, b) => {
    const difference = compare(a.value, b.value)
    const directed = down && !isEmpty(a.value) && !isEmpty(b.value) ? -difference : difference
    return directed || collator.compare(a.row.key, b.row.key)
  })
  return keyed.map(({ row }) => row)
}

/** Rows by namespace, each with a heading before them; within it they keep their order. */
export function groupRows(rows: readonly Row[]): Row[] {
  const groups = new Map<string, Row[]>()
  for (const row of rows) {
    const name = row.object.metadata.namespace ?? ''
    const group = groups.get(name)
    if (group) group.push(row)
    else groups.set(name, [row])
  }
  return [...groups]
    .toSorted(([a], [b]) => collator.compare(a, b))
    .flatMap(([name, group]) => [
      { key: `${name}/`, uid: '', object: group[0]!.object, heading: { name, count: group.length } },
      ...group,
    ])
}

/** Rows whose text holds every word of the search, whatever its case. */
export function searchRows<R>(rows: R[], search: string, textOf: (row: R) => string): R[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return rows
  return rows.filter((row) => {
    const text = textOf(row)
    return words.every((word) => text.includes(word))
  })
}

/** Which rows to draw: those in sight and a few around them, and the room that the others take. */
export interface Window {
  first: number
  end: number
  before: number
  after: number
}

/** @param sizes heights in pixels; `top` is how far the list is scrolled */
export function windowOf(count: number, sizes: { row: number; height: number; top: number }, around = 8): Window {
  const { row, height, top } = sizes
  const first = Math.min(Math.max(0, Math.floor(top / row) - around), Math.max(0, count - 1))
  const end = Math.min(count, Math.ceil((top + height) / row) + around)
  return {
    first,
    end: Math.max(first, end),
    before: first * row,
    after: Math.max(0, count - Math.max(first, end)) * row,
  }
}

/**
 * The selection without what has gone. Objects are known by uid: one of the same name that was made since is another.
 */
export function keepSelected(selected: ReadonlySet<string>, present: ReadonlySet<string>): ReadonlySet<string> {
  if ([...selected].every((uid) => present.has(uid))) return selected
  return new Set([...selected].filter((uid) => present.has(uid)))
}
