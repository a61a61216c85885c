import type { JsonSchema } from '@thresher/api/kind'
import { ObjectMeta } from '@thresher/api/meta'

/** The schema of a map's values: `additionalProperties`, or what TypeBox writes for a record; undefined when it is no map. */
export function mapValues(schema: JsonSchema): JsonSchema | undefined {
  if (typeof schema.additionalProperties === 'object') return schema.additionalProperties
  return schema.patternProperties ? Object.values(schema.patternProperties)[0] : undefined
}

/** Whether unknown fields directly under this schema stay: it says so, or it says nothing about its shape at all. */
export function keepsUnknown(schema: JsonSchema): boolean {
  if (schema['x-kubernetes-preserve-unknown-fields'] || schema.additionalProperties === true) return true
  return !schema.properties && !mapValues(schema) && schema.type !== 'object'
}

const embedded: JsonSchema = {
  properties: { apiVersion: { type: 'string' }, kind: { type: 'string' }, metadata: ObjectMeta as JsonSchema },
}

/** The schema's fields by name; an embedded resource has apiVersion, kind and metadata beside its own. */
export function fieldsOf(schema: JsonSchema): Record<string, JsonSchema> | undefined {
  if (!schema['x-kubernetes-embedded-resource']) return schema.properties
  return { ...schema.properties, ...embedded.properties }
}
