import type { JsonSchema, Kind } from '@thresher/api/kind'
import { sizes } from '../limits/sizes.ts'
import { fieldsOf, mapValues } from '../schema/shape.ts'
import type { CostForm } from './cost-search.ts'

/** How deep lists and maps are looked for in a schema. */
const deepest = 8

/** The steps from an object to one of its lists or maps; `*` is the first item of a list, or a key of a map. */
type Steps = readonly string[]

/**
 * A creation of each kind for each list and map that its schema has, in which that list or map is as long as it may be and the
 * rest as small as it can be. Dry runs, so that nothing stays behind.
 */
export function schemaForms(kinds: readonly Kind[]): CostForm[] {
  return kinds.flatMap((kind) =>
    growing(kind.schema).map(([steps, schema]): CostForm => {
      const list = schema.type === 'array' || schema.items !== undefined
      return {
        name: `${kind.kind} ${steps.join('.')}`,
        most: list ? sizes.listItems : sizes.mapKeys,
        request: (n) => ({
          method: 'POST',
          path: collection(kind),
          query: new URLSearchParams('dryRun=All'),
          body: Buffer.from(JSON.stringify(objectOf(kind, steps, n))),
        }),
      }
    }),
  )
}

function collection({ group, version, plural, namespaced }: Kind): string {
  return `/${group ? `apis/${group}` : 'api'}/${version}/${namespaced ? 'namespaces/default/' : ''}${plural}`
}

/** The lists and maps of a schema. */
function growing(schema: JsonSchema, steps: Steps = []): [Steps, JsonSchema][] {
  if (steps.length > deepest || steps[0] === 'metadata' || steps[0] === 'status') return []
  const values = mapValues(schema)
  const own: [Steps, JsonSchema][] = schema.items || values ? [[steps, schema]] : []
  const inner = schema.items ?? values
  return [
    ...own,
    ...(inner ? growing(inner, [...steps, '*']) : []),
    ...Object.entries(fieldsOf(schema) ?? {}).flatMap(([name, field]) => growing(field, [...steps, name])),
  ]
}

function objectOf(kind: Kind, steps: Steps, n: number): Record<string, unknown> {
  const { metadata: _metadata, ...fields } = fieldsOf(kind.schema) ?? {}
  const object = build({ ...kind.schema, properties: fields, required: kind.schema.required }, steps, n, 0)
  return { ...(object as object), metadata: { name: 'cost' } }
}

/** The least value of a schema, with what lies at `steps` of size `n`. @param index tells items of one list apart */
function build(schema: JsonSchema, steps: Steps | undefined, n: number, index: number): unknown {
  const values = mapValues(schema)
  const [step, ...rest] = steps ?? []
  if (steps?.length === 0) {
    if (schema.items) return Array.from({ length: n }, (_, item) => build(schema.items ?? {}, undefined, 0, item))
    if (values)
      return Object.fromEntries(
        Array.from({ length: n }, (_, item) => [`key-${item}`, build(values, undefined, 0, item)]),
      )
  }
  if (schema.items) return step === '*' ? [build(schema.items, rest, n, 0)] : []
  if (schema.type === 'object' || schema.properties || values) {
    const fields = fieldsOf(schema) ?? {}
    const wanted = new Set([...(schema.required ?? []), ...identifying(fields)])
    const object = Object.fromEntries(
      Object.entries(fields)
        .filter(([name]) => wanted.has(name) || name === step)
        .map(([name, field]) => [name, build(field, name === step ? rest : undefined, n, index)]),
    )
    if (step === '*' && values) object.key = build(values, rest, n, index)
    return object
  }
  return scalar(schema, index)
}

/** Fields by which items of lists are told apart, so that they are distinct. */
function identifying(fields: Record<string, JsonSchema>): string[] {
  return ['name', 'key', 'uid'].filter((name) => fields[name]?.type === 'string')
}

function scalar(schema: JsonSchema, index: number): unknown {
  if (schema.enum?.length) return schema.enum[0]
  if (schema.const !== undefined) return schema.const
  switch (schema.type) {
    case 'integer':
    case 'number':
      return Math.min(index + (schema.minimum ?? 1), schema.maximum ?? Infinity)
    case 'boolean':
      return true
    default:
      if (schema.format === 'quantity') return `${index + 1}Mi`
      if (schema.format === 'date-time') return '2026-01-31T12:00:00Z'
      return `item-${index}`
  }
}
