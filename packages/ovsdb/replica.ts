import type { Column } from './column.ts'
import type { Columns, Row, Tables, Values } from './schema.ts'
import { OvsdbError } from './ovsdb-error.ts'

/** One row that came, changed or went. */
export interface Change<T extends Tables = Tables, N extends keyof T & string = keyof T & string> {
  table: N
  uuid: string
  before: Row<T[N]> | undefined
  after: Row<T[N]> | undefined
}

type AnyRow = Row<Columns>
type Index = Map<unknown, AnyRow>

/** The monitored rows of a database in memory, kept by what the server sends. */
export class Replica<T extends Tables> {
  readonly #tables: T
  readonly #rows = new Map<string, Map<string, AnyRow>>()
  readonly #indexes = new Map<string, Map<string, Index>>()

  constructor(tables: T) {
    this.#tables = tables
    for (const table of Object.keys(tables)) {
      this.#rows.set(table, new Map())
      this.#indexes.set(table, new Map())
    }
  }

  /** A table's rows by their identity. */
  rows<N extends keyof T & string>(table: N): ReadonlyMap<string, Row<T[N]>> {
    return this.#table(table) as unknown as ReadonlyMap<string, Row<T[N]>>
  }

  /** The row whose column has this value; of several, the one that changed last. The first call builds an index. */
  find<N extends keyof T & string, C extends keyof T[N] & string>(
    table: N,
    column: C,
    value: Values<T[N]>[C],
  ): Row<T[N]> | undefined {
    const indexes = this.#indexes.get(table)
    let index = indexes?.get(column)
    if (!index) {
      index = new Map([...this.#table(table).values()].map((row) => [row[column], row]))
      indexes?.set(column, index)
    }
    return index.get(value) as Row<T[N]> | undefined
  }

  /**
   * Take in the whole contents, as the answer to a monitor request gives them.
   *
   * @returns what is different from before
   */
  reset(wire: unknown): Change<T>[] {
    const changes: Change<T>[] = []
    const tables = object(wire)
    for (const table of Object.keys(this.#tables)) {
      const fresh = object(tables[table] ?? {})
      for (const uuid of this.#table(table).keys())
        if (!(uuid in fresh)) changes.push(this.#set(table, uuid, undefined))
      for (const [uuid, update] of Object.entries(fresh)) {
        const { initial, insert } = object(update)
        const row = this.#parse(table, uuid, object(initial ?? insert ?? {}))
        if (!this.#same(table, this.#table(table).get(uuid), row)) changes.push(this.#set(table, uuid, row))
      }
    }
    return changes
  }

  /** Take in a `table-updates2` of ovsdb-server(7). @returns what changed */
  apply(wire: unknown): Change<T>[] {
    const changes: Change<T>[] = []
    for (const [table, updates] of Object.entries(object(wire))) {
      for (const [uuid, update] of Object.entries(object(updates))) {
        const { initial, insert, modify } = object(update)
        const whole = initial ?? insert
        const before = this.#table(table).get(uuid)
        if (whole) changes.push(this.#set(table, uuid, this.#parse(table, uuid, object(whole))))
        else if (!modify) changes.push(this.#set(table, uuid, undefined))
        else if (before) changes.push(this.#set(table, uuid, this.#modified(table, before, object(modify))))
        else throw new OvsdbError('Protocol', `the server changed row ${uuid} of ${table}, which it never sent`)
      }
    }
    return changes
  }

  #table(table: string): Map<string, AnyRow> {
    const rows = this.#rows.get(table)
    if (!rows) throw new OvsdbError('Protocol', `table ${table} is not declared`)
    return rows
  }

  #columns(table: string): [string, Column<unknown>][] {
    return Object.entries(this.#tables[table] ?? {})
  }

  /** Columns that the server leaves out have their default, which the empty value of their type stands for. */
  #parse(table: string, uuid: string, wire: Record<string, unknown>): AnyRow {
    const row: Record<string, unknown> = { _uuid: uuid }
    for (const [name, column] of this.#columns(table))
      row[name] = name in wire ? column.parse(wire[name]) : column.empty
    return row as AnyRow
  }

  #modified(table: string, before: AnyRow, wire: Record<string, unknown>): AnyRow {
    const row: Record<string, unknown> = { ...before }
    for (const [name, column] of this.#columns(table))
      if (name in wire) row[name] = column.change(before[name], wire[name])
    return row as AnyRow
  }

  #set(table: string, uuid: string, after: AnyRow | undefined): Change<T> {
    const rows = this.#table(table)
    const before = rows.get(uuid)
    if (after) rows.set(uuid, after)
    else rows.delete(uuid)
    for (const [column, index] of this.#indexes.get(table) ?? []) {
      if (before && index.get(before[column]) === before) index.delete(before[column])
      if (after) index.set(after[column], after)
    }
    return { table, uuid, before, after } as unknown as Change<T>
  }

  #same(table: string, before: AnyRow | undefined, after: AnyRow): boolean {
    return (
      before !== undefined &&
      this.#columns(table).every(([name, column]) => wireText(column, before[name]) === wireText(column, after[name]))
    )
  }
}

/** A value as text that does not depend on the order of a set's or map's members. */
function wireText(column: Column<unknown>, value: unknown): string {
  const wire = column.encode(value)
  if (!Array.isArray(wire) || !Array.isArray(wire[1])) return JSON.stringify(wire)
  return wire[1]
    .map((member) => JSON.stringify(member))
    .toSorted()
    .join()
}

function object(wire: unknown): Record<string, unknown> {
  if (typeof wire !== 'object' || wire === null || Array.isArray(wire))
    throw new OvsdbError('Protocol', `expected an object, got ${JSON.stringify(wire)?.slice(0, 100)}`)
  return wire as Record<string, unknown>
}
