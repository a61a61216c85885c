import { describeField } from '@thresher/api/describe'
import type { JsonSchema, Kind } from '@thresher/api/kind'
import { ObjectMeta } from '@thresher/api/meta'
import { mapValues } from '../schema/shape.ts'
import { metaNames, schemaName } from './names.ts'

/** A schema object of OpenAPI. */
export type OpenApiSchema = Record<string, unknown>

/** Which OpenAPI: references lead to another place, and version 2 lacks keywords of version 3. */
export type Edition = 'v2' | 'v3'

const copied = [
  'description',
  'format',
  'required',
  'enum',
  'default',
  'minLength',
  'maxLength',
  'pattern',
  'minItems',
  'maxItems',
  'uniqueItems',
  'minProperties',
  'maxProperties',
  'multipleOf',
  'x-kubernetes-int-or-string',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-embedded-resource',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-map-type',
  'x-kubernetes-patch-strategy',
  'x-kubernetes-patch-merge-key',
] as const

/** A reference to a named schema. */
export function reference(name: string, edition: Edition): OpenApiSchema {
  return { $ref: edition === 'v3' ? `#/components/schemas/${name}` : `#/definitions/${name}` }
}

/** How fields get their descriptions: given the field's schema, its name and that of its parent. */
export type Describe = (schema: JsonSchema, name: string, parent?: string) => string

/**
 * A structural schema as OpenAPI has it.
 *
 * @param describe for kinds of our own; a custom kind says itself what its fields are
 * @param place the name of the field that the schema is of
 */
export function openApiSchema(
  schema: JsonSchema,
  edition: Edition,
  describe?: Describe,
  place?: string,
): OpenApiSchema {
  const result: OpenApiSchema = {}
  for (const keyword of copied) if (schema[keyword] !== undefined) result[keyword] = schema[keyword]
  // In version 2 the parser of clients takes unknown formats and free types only so.
  if (schema.type && !schema['x-kubernetes-int-or-string']) result['type'] = schema.type
  if (schema.const !== undefined) result['enum'] = [schema.const]
  addBounds(schema, result)
  if (schema.properties) {
    result['properties'] = Object.fromEntries(
      Object.entries(schema.properties).map(([name, field]) => {
        const described = openApiSchema(field, edition, describe, name)
        if (describe) described['description'] = describe(field, name, place)
        return [name, described]
      }),
    )
  }
  const values = mapValues(schema)
  // A schema of OpenAPI has either named fields or a map for clients; the names say more.
  if (values && !schema.properties) result['additionalProperties'] = openApiSchema(values, edition, describe, place)
  if (schema.items) result['items'] = openApiSchema(schema.items, edition, describe, place)
  if (edition === 'v3') {
    if (schema.nullable) result['nullable'] = true
    for (const logic of ['anyOf', 'oneOf', 'allOf'] as const)
      if (schema[logic]) result[logic] = schema[logic].map((part) => openApiSchema(part, edition, describe, place))
    if (schema.not) result['not'] = openApiSchema(schema.not, edition)
  }
  return result
}

/** Exclusive bounds are numbers in JSON Schema and flags in OpenAPI 3.0. */
function addBounds(schema: JsonSchema, result: OpenApiSchema): void {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema
  const least = typeof exclusiveMinimum === 'number' ? exclusiveMinimum : minimum
  const most = typeof exclusiveMaximum === 'number' ? exclusiveMaximum : maximum
  if (least !== undefined) result['minimum'] = least
  if (most !== undefined) result['maximum'] = most
  if (exclusiveMinimum !== undefined && exclusiveMinimum !== false) result['exclusiveMinimum'] = true
  if (exclusiveMaximum !== undefined && exclusiveMaximum !== false) result['exclusiveMaximum'] = true
}

/** The schemas of a kind and of its list, by name. */
export function kindSchemas(kind: Kind, edition: Edition): Record<string, OpenApiSchema> {
  const { group, version } = kind
  const name = schemaName(kind)
  const { metadata: _, ...fields } = kind.schema.properties ?? {}
  const describe = kind.origin === 'declared' ? describeField : undefined
  const own = openApiSchema({ ...kind.schema, properties: fields }, edition, describe)
  const properties = { ...(own['properties'] as object), metadata: metadata(metaNames.objectMeta, edition) }
  const named: Record<string, OpenApiSchema> = {
    [name]: {
      ...own,
      type: 'object',
      properties: { ...typeFields, ...properties },
      'x-kubernetes-group-version-kind': [{ group, version, kind: kind.kind }],
    },
  }
  if (kind.stored === false) return named
  named[`${name}List`] = {
    description: `${kind.kind}List is a list of ${kind.kind}.`,
    type: 'object',
    required: ['items'],
    properties: {
      ...typeFields,
      items: { type: 'array', items: reference(name, edition), description: `The objects found.` },
      metadata: metadata(metaNames.listMeta, edition),
    },
    'x-kubernetes-group-version-kind': [{ group, version, kind: `${kind.kind}List` }],
  }
  return named
}

/** A reference may carry nothing beside it in OpenAPI, so its sentence needs a frame; clients of version 2 take it as it is. */
function metadata(name: string, edition: Edition): OpenApiSchema {
  const description = describeField({}, 'metadata')
  return edition === 'v3'
    ? { allOf: [reference(name, edition)], default: {}, description }
    : { ...reference(name, edition), description }
}

const typeFields = {
  apiVersion: { type: 'string', description: 'The group and version of the API that this object is written in.' },
  kind: { type: 'string', description: 'The kind of object that this is.' },
}

/** The schemas that all kinds refer to. */
export function sharedSchemas(edition: Edition): Record<string, OpenApiSchema> {
  const text: JsonSchema = { type: 'string' }
  const integer: JsonSchema = { type: 'integer', format: 'int64' }
  const object = (properties: Record<string, JsonSchema>) =>
    openApiSchema({ type: 'object', properties }, edition, describeField)
  return {
    [metaNames.objectMeta]: openApiSchema(
      { ...(ObjectMeta as JsonSchema), description: 'What every object carries: its name, its place and who owns it.' },
      edition,
      describeField,
    ),
    [metaNames.listMeta]: object({
      resourceVersion: text,
      continue: text,
      remainingItemCount: integer,
      selfLink: text,
    }),
    [metaNames.status]: object({
      apiVersion: text,
      kind: text,
      status: text,
      message: text,
      reason: text,
      code: { type: 'integer', format: 'int32' },
      details: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
      metadata: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
    }),
    [metaNames.deleteOptions]: object({
      apiVersion: text,
      kind: text,
      propagationPolicy: text,
      gracePeriodSeconds: integer,
      orphanDependents: { type: 'boolean' },
      dryRun: { type: 'array', items: text },
      preconditions: { type: 'object', properties: { uid: text, resourceVersion: text } },
    }),
    [metaNames.patch]: { type: 'object', description: 'The changes, in the form that the content type names.' },
  }
}
