import { OvsdbError } from './ovsdb-error.ts'

/** A row's identity. In what is written, any other word stands for a row inserted by the same transaction. */
export type Uuid = string

/** How one column's values look in TypeScript and on the wire (RFC 7047 §5.1), and how its changes are put on. */
export interface Column<T> {
  /** What a column holds that was never set. */
  readonly empty: T
  /** @throws {OvsdbError} `Protocol` when the value is of another type */
  parse(wire: unknown): T
  encode(value: T): unknown
  /** The value after a `modify` of monitor_cond (ovsdb-server(7)): replaced, or for sets and maps the difference. */
  change(before: T, wire: unknown): T
}

/** A column that holds exactly one scalar. */
export type Scalar<T> = Column<T>

function wrong(expected: string, wire: unknown): never {
  throw new OvsdbError('Protocol', `expected ${expected}, got ${JSON.stringify(wire)?.slice(0, 100)}`)
}

function scalar<T>(empty: T, parse: (wire: unknown) => T, encode: (value: T) => unknown = (value) => value): Scalar<T> {
  return { empty, parse, encode, change: (_before, wire) => parse(wire) }
}

export const string: Scalar<string> = scalar('', (wire) => (typeof wire === 'string' ? wire : wrong('a string', wire)))
export const boolean: Scalar<boolean> = scalar(false, (wire) =>
  typeof wire === 'boolean' ? wire : wrong('a boolean', wire),
)
export const number: Scalar<number> = scalar(0, (wire) => (typeof wire === 'number' ? wire : wrong('a number', wire)))

const uuidForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** A reference to a row; see {@link Uuid}. */
export const uuid: Scalar<Uuid> = scalar(
  '00000000-0000-0000-0000-000000000000',
  (wire) =>
    Array.isArray(wire) && wire[0] === 'uuid' && typeof wire[1] === 'string' ? wire[1] : wrong('a uuid', wire),
  (value) => [uuidForm.test(value) ? 'uuid' : 'named-uuid', value],
)

/** The members of a set on the wire, where one lone member goes without its wrapping. */
function members(wire: unknown): unknown[] {
  return Array.isArray(wire) && wire[0] === 'set' && Array.isArray(wire[1]) ? wire[1] : [wire]
}

/** None or one value. */
export function optional<T>(item: Scalar<T>): Column<T | undefined> {
  const parse = (wire: unknown) => {
    const [first, second] = members(wire)
    if (second !== undefined) wrong('at most one value', wire)
    return first === undefined ? undefined : item.parse(first)
  }
  return {
    empty: undefined,
    parse,
    encode: (value) => ['set', value === undefined ? [] : [item.encode(value)]],
    change: (_before, wire) => parse(wire),
  }
}

/** Any number of values, without order. */
export function set<T extends string | number>(item: Scalar<T>): Column<readonly T[]> {
  const parse = (wire: unknown) => members(wire).map((one) => item.parse(one))
  return {
    empty: [],
    parse,
    encode: (values) => ['set', values.map((value) => item.encode(value))],
    change(before, wire) {
      const after = new Set(before)
      for (const value of parse(wire)) if (!after.delete(value)) after.add(value)
      return [...after]
    },
  }
}

/** Values by string keys. */
export function map<V>(item: Scalar<V>): Column<Readonly<Record<string, V>>> {
  const pairs = (wire: unknown): [string, V][] =>
    Array.isArray(wire) && wire[0] === 'map' && Array.isArray(wire[1])
      ? wire[1].map((pair: unknown) =>
          Array.isArray(pair) && pair.length === 2
            ? [string.parse(pair[0]), item.parse(pair[1])]
            : wrong('a pair', pair),
        )
      : wrong('a map', wire)
  const record = (entries?: Readonly<Record<string, V>>): Record<string, V> =>
    Object.assign(Object.create(null) as Record<string, V>, entries)
  return {
    empty: {},
    parse(wire) {
      const values = record()
      for (const [key, value] of pairs(wire)) values[key] = value
      return values
    },
    encode: (values) => ['map', Object.entries(values).map(([key, value]) => [key, item.encode(value)])],
    change(before, wire) {
      const after = record(before)
      for (const [key, value] of pairs(wire)) {
        if (key in after && after[key] === value) delete after[key]
        else after[key] = value
      }
      return after
    },
  }
}
