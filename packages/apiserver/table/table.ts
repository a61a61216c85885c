import { compileJsonPath } from '@thresher/api/jsonpath'
import type { Column, Kind } from '@thresher/api/kind'
import type { KubeObject } from '@thresher/api/meta'
import { humanDuration } from './human-duration.ts'
import { partialMetadata } from './partial-metadata.ts'

/** What of each object its row carries: nothing, its metadata or all of it. */
export type IncludeObject = 'None' | 'Metadata' | 'Object'

/** What a table is to carry. */
export interface TableOptions {
  /** `meta.k8s.io/v1` or `meta.k8s.io/v1beta1`. */
  apiVersion?: string
  includeObject?: IncludeObject
  /** The list's resourceVersion, continue and remainingItemCount. */
  metadata?: Record<string, unknown>
  /** False in the second and later events of a watch, which repeat no columns. */
  headers?: boolean
  /** Milliseconds since 1970; ages count to here. */
  now?: number
}

/** A table as `kubectl get` prints it. @see Kubernetes `meta.k8s.io/v1 Table` */
export interface Table {
  kind: 'Table'
  apiVersion: string
  metadata: Record<string, unknown>
  columnDefinitions: ColumnDefinition[]
  rows: { cells: unknown[]; object?: unknown }[]
}

interface ColumnDefinition {
  name: string
  type: string
  format: string
  description: string
  priority: number
}

type Cell = (object: KubeObject, now: number) => unknown

interface Layout {
  definitions: ColumnDefinition[]
  cells: Cell[]
}

/** How the tables of a kind are laid out, as long as the kind lives. */
const layouts = new WeakMap<Kind, Layout>()

/** The objects as a table, with the columns that their kind declares; without any: Name and Age. */
export function toTable(kind: Kind, objects: Iterable<KubeObject>, options: TableOptions = {}): Table {
  const { apiVersion = 'meta.k8s.io/v1', includeObject = 'Metadata', metadata = {}, headers = true } = options
  const now = options.now ?? Date.now()
  const { definitions, cells } = layoutOf(kind)
  const rows: Table['rows'] = []
  for (const object of objects) {
    const row: Table['rows'][number] = { cells: cells.map((cell) => cell(object, now)) }
    if (includeObject === 'Object') row.object = object
    else if (includeObject === 'Metadata') row.object = partialMetadata(object, apiVersion)
    rows.push(row)
  }
  return { kind: 'Table', apiVersion, metadata, columnDefinitions: headers ? definitions : [], rows }
}

function layoutOf(kind: Kind): Layout {
  let layout = layouts.get(kind)
  if (!layout) {
    layout = makeLayout(kind.columns ?? [])
    layouts.set(kind, layout)
  }
  return layout
}

const name: Column = {
  name: 'Name',
  type: 'string',
  format: 'name',
  path: '.metadata.name',
  description: 'The name of the object, unique among its kind in its namespace.',
}
const age: Column = {
  name: 'Age',
  type: 'date',
  path: '.metadata.creationTimestamp',
  description: 'The time since the object was created.',
}

function makeLayout(declared: Column[]): Layout {
  const own = declared.length > 0 ? declared : [age]
  const columns = own.some((column) => column.name === 'Name') ? own : [name, ...own]
  return {
    definitions: columns.map((column) => ({
      name: column.name,
      type: column.type ?? 'string',
      format: column.format ?? '',
      description: column.description ?? '',
      priority: column.priority ?? 0,
    })),
    cells: columns.map(makeCell),
  }
}

function makeCell({ path, type = 'string' }: Column): Cell {
  if (typeof path === 'function') {
    return (object, now) => {
      const value = path(object as never)
      return value === undefined ? null : cellValue(type, [value], now)
    }
  }
  const find = compileJsonPath(path)
  return (object, now) => cellValue(type, find(object), now)
}

/** A value that does not fit its column's type leaves the cell empty, as in Kubernetes. */
function cellValue(type: string, found: unknown[], now: number): unknown {
  const [value] = found
  if (value === undefined || value === null) return null
  switch (type) {
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : null
    case 'number':
      return typeof value === 'number' ? value : null
    case 'boolean':
      return typeof value === 'boolean' ? value : null
    case 'date':
      return typeof value === 'string' ? since(value, now) : null
    default:
      return found.map(asText).join(' ')
  }
}

function since(time: string, now: number): string {
  const then = Date.parse(time)
  return Number.isNaN(then) ? '<invalid>' : humanDuration(now - then)
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
