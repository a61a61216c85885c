import type { Type as TypeBox } from 'typebox'
import type { JsonSchema } from './kind.ts'

/** The builders of TypeBox that are in use. */
type Builders = Pick<
  typeof TypeBox,
  | 'Array'
  | 'Boolean'
  | 'Enum'
  | 'Integer'
  | 'Literal'
  | 'Number'
  | 'Object'
  | 'Optional'
  | 'Record'
  | 'String'
  | 'Unknown'
  | 'Unsafe'
>

/** Hidden, so that a schema that is spread into another is an ordinary one again. */
const optional = '~optional'
const isOptional = (schema: JsonSchema) => Object.hasOwn(schema, optional)

const plain =
  (type: string) =>
  (options?: JsonSchema): JsonSchema => ({ type, ...options })

const builders = {
  Array: (items: JsonSchema, options?: JsonSchema): JsonSchema => ({ type: 'array', items, ...options }),
  Boolean: plain('boolean'),
  Enum: (values: unknown[], options?: JsonSchema): JsonSchema => ({ enum: values, ...options }),
  Integer: plain('integer'),
  Literal: (value: unknown, options?: JsonSchema): JsonSchema => ({ type: typeof value, const: value, ...options }),
  Number: plain('number'),
  Object: (properties: Record<string, JsonSchema>, options?: JsonSchema): JsonSchema => {
    const required = Object.keys(properties).filter((name) => !isOptional(properties[name]!))
    return { type: 'object', ...(required.length > 0 ? { required } : {}), properties, ...options }
  },
  Optional: (schema: JsonSchema): JsonSchema => Object.defineProperty({ ...schema }, optional, { value: true }),
  Record: (_key: JsonSchema, value: JsonSchema, options?: JsonSchema): JsonSchema => ({
    type: 'object',
    patternProperties: { '^.*$': value },
    ...options,
  }),
  String: plain('string'),
  Unknown: (options?: JsonSchema): JsonSchema => ({ ...options }),
  Unsafe: (schema: JsonSchema): JsonSchema => ({ ...schema }),
}

/**
 * TypeBox's builders with TypeBox's types and the same JSON Schemas as results.
 *
 * TypeBox itself is some 500 modules, most of them for what is not used here; loading it takes 18 MiB in every program.
 */
export const Type = builders as unknown as Builders
