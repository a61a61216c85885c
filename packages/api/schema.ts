import type { Static, TSchema, TUnsafe } from 'typebox'
import { Type } from './type.ts'
import type { JsonSchema } from './kind.ts'

/** The fields of an object schema, by name. */
export type Fields = Record<string, TSchema>

type Flat<T> = { [K in keyof T]: T[K] }
type Values<R extends Fields, O extends Fields> = Flat<
  { [K in keyof R]: Static<R[K]> } & { [K in keyof O]?: Static<O[K]> }
>

/** A schema with its TypeScript type and nothing else of TypeBox's. */
export function schemaOf<T>(schema: JsonSchema): TUnsafe<T> {
  return Type.Unsafe<T>(schema as TSchema)
}

/** An object with required and optional fields. Fields it does not name are dropped by the server. */
export function object<R extends Fields, O extends Fields = Record<never, never>>(
  required: R,
  optionalFields?: O,
  more?: JsonSchema,
): TUnsafe<Values<R, O>> {
  const names = Object.keys(required)
  return schemaOf({
    type: 'object',
    properties: { ...required, ...optionalFields } as Record<string, JsonSchema>,
    ...(names.length > 0 ? { required: names } : {}),
    ...more,
  })
}

/** An object all of whose fields are optional. */
export function optional<O extends Fields>(fields: O, more?: JsonSchema): TUnsafe<Values<Record<never, never>, O>> {
  return object({}, fields, more) as TUnsafe<Values<Record<never, never>, O>>
}

/** An object without fields, whose presence alone says something: `masquerade: {}`. */
export const Empty = schemaOf<Record<string, never>>({ type: 'object' })

/** Any object at all; nothing in it is dropped. */
export const AnyObject = schemaOf<Record<string, unknown>>({
  type: 'object',
  'x-kubernetes-preserve-unknown-fields': true,
})

/** A map from names to values of one shape. */
export function mapTo<S extends TSchema>(values: S): TUnsafe<Record<string, Static<S>>> {
  return schemaOf({ type: 'object', additionalProperties: values as JsonSchema })
}

/** A list that a patch or an apply replaces as a whole. */
export function list<S extends TSchema>(items: S): TUnsafe<Static<S>[]> {
  return schemaOf({ type: 'array', items: items as JsonSchema, 'x-kubernetes-list-type': 'atomic' })
}

/** A list of distinct plain values; applies merge it. */
export function set<S extends TSchema>(items: S): TUnsafe<Static<S>[]> {
  return schemaOf({ type: 'array', items: items as JsonSchema, 'x-kubernetes-list-type': 'set' })
}

/**
 * A list whose items are told apart by `keys`, so that applies merge it item by item.
 *
 * @param mergeKey the field by which a strategic merge patch matches items, where the kind has such patches
 */
export function listBy<S extends TSchema>(items: S, keys: string[], mergeKey?: string): TUnsafe<Static<S>[]> {
  return schemaOf({
    type: 'array',
    items: items as JsonSchema,
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': keys,
    ...merging(mergeKey),
  })
}

function merging(mergeKey: string | undefined): JsonSchema {
  return mergeKey ? { 'x-kubernetes-patch-strategy': 'merge', 'x-kubernetes-patch-merge-key': mergeKey } : {}
}

/** One of these words. */
export function oneOf<const W extends string[]>(...words: W): TUnsafe<W[number]> {
  return schemaOf({ type: 'string', enum: words })
}

/** The schema with further keywords, such as a default or bounds. */
export function having<S extends TSchema>(schema: S, more: JsonSchema): S {
  return { ...schema, ...more } as S
}

/** The schema with a sentence for people, shown by `kubectl explain` and in forms. */
export function about<S extends TSchema>(schema: S, description: string): S {
  return having(schema, { description })
}

export const text = schemaOf<string>({ type: 'string' })
export const flag = schemaOf<boolean>({ type: 'boolean' })
export const int32 = schemaOf<number>({ type: 'integer', format: 'int32' })
export const int64 = schemaOf<number>({ type: 'integer', format: 'int64' })
/** RFC 3339 with whole seconds. */
export const time = schemaOf<string>({ type: 'string', format: 'date-time' })
/** RFC 3339 with microseconds. */
export const microTime = schemaOf<string>({ type: 'string', format: 'date-time' })
/** Bytes in base64. */
export const base64 = schemaOf<string>({ type: 'string', format: 'byte' })
export const texts = list(text)
export const labels = mapTo(text)
/** A port or percentage that may be given as a number or as text: `80`, `http`, `25%`. */
export const IntOrString = schemaOf<number | string>({ 'x-kubernetes-int-or-string': true })
/** An amount such as `500m`, `2` or `4Gi`; a bare number is taken and stored as text. See quantity.ts. */
export const Quantity = schemaOf<string>({ type: 'string', format: 'quantity' })
/** Amounts by resource name: `{cpu: '2', memory: '4Gi'}`. */
export const ResourceList = mapTo(Quantity)
