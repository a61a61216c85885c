import type { Column, Uuid } from './column.ts'

/** The columns in use of one table. */
export type Columns = Record<string, Column<unknown>>

/** The tables in use of one database. */
export type Tables = Record<string, Columns>

/** A row as TypeScript sees it; `_uuid` is its identity. */
export type Row<C extends Columns> = { readonly _uuid: Uuid } & Values<C>

/** A row's columns without its identity. */
export type Values<C extends Columns> = { readonly [K in keyof C]: C[K] extends Column<infer T> ? T : never }

/** Which rows an operation is about: those whose columns have all these values. `{}` is every row. */
export type Where<C extends Columns> = Partial<Row<C>>

/** One operation of a transaction, as it goes over the wire (RFC 7047 §5.2). */
export type Operation = Readonly<Record<string, unknown>> & { readonly op: string }

/** A change of a set or map column: what to put in, what to take out (for maps: keys). */
export interface Mutation<T> {
  insert?: T
  delete?: T extends readonly unknown[] ? T : readonly string[]
}

/** A database's name, the tables and columns in use, and its operations, typed by them. */
export class Schema<T extends Tables> {
  readonly database: string
  readonly tables: T

  constructor(database: string, tables: T) {
    this.database = database
    this.tables = tables
  }

  /** Insert a row; columns that are not given get their defaults. `as` names it for the same transaction's references. */
  insert<N extends keyof T & string>(table: N, row: Partial<Values<T[N]>>, as?: string): Operation {
    return { op: 'insert', table, row: this.#encode(table, row), ...(as ? { 'uuid-name': as } : {}) }
  }

  /** Set columns of all rows that match. */
  update<N extends keyof T & string>(table: N, where: Where<T[N]>, row: Partial<Values<T[N]>>): Operation {
    return { op: 'update', table, where: this.#where(table, where), row: this.#encode(table, row) }
  }

  /** Put values into, or take values out of, set and map columns of all rows that match. Deletions go first. */
  mutate<N extends keyof T & string>(
    table: N,
    where: Where<T[N]>,
    columns: { [K in keyof T[N]]?: Mutation<Values<T[N]>[K]> },
  ): Operation {
    const mutations = Object.entries(columns).flatMap(([name, change]) => {
      const column = this.#column(table, name)
      const { insert, delete: remove } = change as Mutation<unknown>
      return [
        ...(remove === undefined ? [] : [[name, 'delete', removal(column, remove)]]),
        ...(insert === undefined ? [] : [[name, 'insert', column.encode(insert)]]),
      ]
    })
    return { op: 'mutate', table, where: this.#where(table, where), mutations }
  }

  /** Delete all rows that match. */
  delete<N extends keyof T & string>(table: N, where: Where<T[N]>): Operation {
    return { op: 'delete', table, where: this.#where(table, where) }
  }

  /** Let the transaction fail (`timed out`) unless the matching rows have exactly these values. */
  wait<N extends keyof T & string>(table: N, where: Where<T[N]>, rows: Partial<Values<T[N]>>[]): Operation {
    return {
      op: 'wait',
      table,
      timeout: 0,
      where: this.#where(table, where),
      columns: Object.keys(rows[0] ?? this.tables[table] ?? {}),
      until: '==',
      rows: rows.map((row) => this.#encode(table, row)),
    }
  }

  #column(table: string, name: string): Column<unknown> {
    const column = this.tables[table]?.[name]
    if (!column) throw new RangeError(`${this.database} has no column ${table}.${name} in its declaration`)
    return column
  }

  #encode(table: string, row: object): Record<string, unknown> {
    return Object.fromEntries(
      Object.entries(row)
        .filter(([name]) => name !== '_uuid')
        .map(([name, value]) => [name, this.#column(table, name).encode(value)]),
    )
  }

  #where(table: string, where: object): unknown[] {
    return Object.entries(where).map(([name, value]) => [
      name,
      '==',
      name === '_uuid' ? ['uuid', value] : this.#column(table, name).encode(value),
    ])
  }
}

/** Keys to take out of a map go as a set of strings, members to take out of a set as that set. */
function removal(column: Column<unknown>, remove: unknown): unknown {
  const encoded = column.encode(remove)
  return Array.isArray(encoded) && encoded[0] === 'map' ? ['set', remove] : encoded
}

/** Declare the tables and columns in use of a database. */
export function defineDatabase<T extends Tables>(name: string, tables: T): Schema<T> {
  return new Schema(name, tables)
}
