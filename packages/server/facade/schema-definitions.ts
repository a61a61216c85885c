import { ApiError } from '@thresher/api/error'
import type { JsonSchema } from '@thresher/api/kind'
import type { FacadeCall } from './context.ts'
import { findKind, schemaId } from './schema-names.ts'

interface Definition {
  type: string
  description: string
  resourceFields: Record<string, { type: string; description: string; required: boolean }>
}

/** The fields of a kind and of all objects inside it, for forms. Kinds are looked up by schema id. @throws {ApiError} NotFound */
export function schemaDefinition(call: FacadeCall, id: string): Record<string, unknown> {
  const kind = findKind(call.parts.server().registry, id)
  if (!kind) throw new ApiError('NotFound', `there is no schema ${JSON.stringify(id)}`)
  const definitions: Record<string, Definition> = {}
  const root = schemaId(kind)
  define(kind.schema, root, definitions)
  return {
    id: root,
    type: 'schemaDefinition',
    links: { self: `${call.base}/schemaDefinitions/${root}` },
    definitionType: root,
    definitions,
  }
}

function define(schema: JsonSchema, name: string, definitions: Record<string, Definition>): void {
  const resourceFields: Definition['resourceFields'] = {}
  definitions[name] = { type: name, description: schema.description ?? '', resourceFields }
  for (const [field, inner] of Object.entries(schema.properties ?? {}))
    resourceFields[field] = {
      type: typeName(inner, `${name}.${field}`, definitions),
      description: inner.description ?? '',
      required: schema.required?.includes(field) ?? false,
    }
}

function typeName(schema: JsonSchema, name: string, definitions: Record<string, Definition>): string {
  if (schema['x-kubernetes-int-or-string']) return 'string'
  if (schema.type === 'array') return `array[${typeName(schema.items ?? {}, name, definitions)}]`
  if (schema.type === 'integer') return 'int'
  if (schema.type === 'number') return 'float'
  if (schema.type !== 'object') return schema.type ?? 'json'
  if (schema.properties) {
    define(schema, name, definitions)
    return name
  }
  const values = schema.additionalProperties ?? Object.values(schema.patternProperties ?? {})[0]
  return typeof values === 'object' ? `map[${typeName(values, name, definitions)}]` : 'json'
}
