import type { FieldError } from '@thresher/api/error'
import type { JsonSchema } from '@thresher/api/kind'
import type { JsonObject } from '../schema/clone.ts'
import { forbidden, invalid, maxErrors, notSupported, required } from '../schema/field-error.ts'
import { compilePattern } from '../schema/pattern.ts'
import { unknownFields, validate } from '../schema/structural.ts'
import { checkKeywordTypes } from './keyword-types.ts'

const types = ['array', 'boolean', 'integer', 'number', 'object', 'string']

/**
 * What keeps the schema of a custom resource from being structural, in Kubernetes' words.
 *
 * @param path of the schema itself: `spec.versions[0].schema.openAPIV3Schema`
 * @see https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
 */
export function checkStructural(schema: JsonSchema, path: string): FieldError[] {
  const errors: FieldError[] = []
  checkKeywordTypes(schema, path, errors)
  if (errors.length > 0) return errors
  checkNode(schema, path, 'root', errors)
  checkRootMetadata(schema, path, errors)
  // Defaults are tried against the schema itself, which must be sound for that.
  if (errors.length === 0) checkDefaults(schema, path, errors)
  return errors
}

type Place = 'root' | 'field' | 'item'

function checkNode(node: JsonSchema, path: string, place: Place, errors: FieldError[]): void {
  if (errors.length >= maxErrors) return
  checkType(node, path, place, errors)
  checkKeywords(node, path, errors)
  checkList(node, path, errors)
  for (const [name, field] of Object.entries(node.properties ?? {}))
    checkNode(field, `${path}.properties[${name}]`, 'field', errors)
  if (node.items) checkNode(node.items, `${path}.items`, 'item', errors)
  if (typeof node.additionalProperties === 'object')
    checkNode(node.additionalProperties, `${path}.additionalProperties`, 'field', errors)
  for (const logic of ['allOf', 'anyOf', 'oneOf'] as const)
    for (const [index, part] of (node[logic] ?? []).entries())
      checkJunctor(node, part, `${path}.${logic}[${index}]`, errors)
  if (node.not) checkJunctor(node, node.not, `${path}.not`, errors)
}

function checkType(node: JsonSchema, path: string, place: Place, errors: FieldError[]): void {
  const { type } = node
  if (node['x-kubernetes-int-or-string']) {
    if (type && type !== 'string' && type !== 'integer')
      errors.push(invalid(`${path}.type`, type, 'must be empty if x-kubernetes-int-or-string is true'))
  } else if (!type) {
    const what = {
      root: 'must not be empty at the root',
      field: 'must not be empty for specified object fields',
      item: 'must not be empty for specified array items',
    }[place]
    if (!node['x-kubernetes-preserve-unknown-fields'] || place === 'root') errors.push(required(`${path}.type`, what))
  } else if (!types.includes(type)) errors.push(notSupported(`${path}.type`, type, types))
  else if (place === 'root' && type !== 'object')
    errors.push(invalid(`${path}.type`, type, 'must be object at the root'))
  if (type === 'array' && node.items === undefined && !node['x-kubernetes-preserve-unknown-fields'])
    errors.push(required(`${path}.items`, 'must be specified'))
}

function checkKeywords(node: JsonSchema, path: string, errors: FieldError[]): void {
  if (node.properties && Object.keys(node.properties).length > 0 && node.additionalProperties)
    errors.push(forbidden(`${path}.additionalProperties`, 'additionalProperties and properties are mutual exclusive'))
  if (node.additionalProperties === false)
    errors.push(forbidden(`${path}.additionalProperties`, 'additionalProperties cannot be set to false'))
  if (node.uniqueItems)
    errors.push(
      forbidden(
        `${path}.uniqueItems`,
        'uniqueItems cannot be set to true since the runtime complexity becomes quadratic',
      ),
    )
  for (const keyword of [
    '$ref',
    'patternProperties',
    'definitions',
    'dependencies',
    'id',
    '$schema',
    'additionalItems',
  ])
    if (Object.hasOwn(node, keyword) && (node as JsonObject)[keyword])
      errors.push(forbidden(`${path}.${keyword}`, `${keyword} is not supported`))
  if (node.pattern !== undefined) checkPattern(node.pattern, `${path}.pattern`, errors)
  if (node['x-kubernetes-embedded-resource']) {
    if (node.type !== 'object')
      errors.push(invalid(`${path}.type`, node.type ?? '', 'must be object if x-kubernetes-embedded-resource is true'))
    if (!node.properties && !node['x-kubernetes-preserve-unknown-fields'])
      errors.push(
        required(
          `${path}.properties`,
          'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields',
        ),
      )
  }
}

function checkPattern(pattern: string, path: string, errors: FieldError[]): void {
  try {
    compilePattern(pattern)
  } catch (error) {
    errors.push(invalid(path, pattern, `must be a valid regular expression, but isn't: ${(error as Error).message}`))
  }
}

function checkList(node: JsonSchema, path: string, errors: FieldError[]): void {
  const listType = node['x-kubernetes-list-type']
  const keys = node['x-kubernetes-list-map-keys']
  const mapType = node['x-kubernetes-map-type']
  if (mapType !== undefined && mapType !== 'atomic' && mapType !== 'granular')
    errors.push(notSupported(`${path}.x-kubernetes-map-type`, mapType, ['atomic', 'granular']))
  if (listType === undefined) {
    if (keys?.length)
      errors.push(
        invalid(`${path}.x-kubernetes-list-map-keys`, keys, 'must be empty if x-kubernetes-list-type is not map'),
      )
    return
  }
  if (!['atomic', 'set', 'map'].includes(listType))
    errors.push(notSupported(`${path}.x-kubernetes-list-type`, listType, ['atomic', 'map', 'set']))
  if (node.type !== 'array')
    errors.push(invalid(`${path}.type`, node.type ?? '', 'must be array if x-kubernetes-list-type is specified'))
  if (listType !== 'map') return
  if (!keys?.length) {
    errors.push(required(`${path}.x-kubernetes-list-map-keys`, 'must not be empty if x-kubernetes-list-type is map'))
    return
  }
  const items = node.items
  for (const key of keys) {
    const field = items?.properties?.[key]
    const place = `${path}.items.properties[${key}]`
    if (!field)
      errors.push(invalid(`${path}.x-kubernetes-list-map-keys`, key, 'entries must all be names of item properties'))
    else if (field.type === 'object' || field.type === 'array')
      errors.push(
        invalid(`${place}.type`, field.type, "must be a scalar type if parent array's x-kubernetes-list-type is map"),
      )
    else if (field.default === undefined && !items?.required?.includes(key))
      errors.push(
        required(
          `${place}.default`,
          'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property',
        ),
      )
  }
}

const onlyOutside = [
  'type',
  'default',
  'description',
  'title',
  'nullable',
  'additionalProperties',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-embedded-resource',
  'x-kubernetes-int-or-string',
  'x-kubernetes-list-type',
  'x-kubernetes-map-type',
] as const

/** Inside allOf, anyOf, oneOf and not a schema may only narrow what stands outside. */
function checkJunctor(outer: JsonSchema, node: JsonSchema, path: string, errors: FieldError[]): void {
  if (errors.length >= maxErrors) return
  const intOrString = outer['x-kubernetes-int-or-string']
  for (const keyword of onlyOutside) {
    const value = (node as JsonObject)[keyword]
    if (value === undefined || value === false || value === '') continue
    if (keyword === 'type' && intOrString) continue
    errors.push(forbidden(`${path}.${keyword}`, 'must be empty to be structural'))
  }
  if (node.pattern !== undefined) checkPattern(node.pattern, `${path}.pattern`, errors)
  for (const [name, field] of Object.entries(node.properties ?? {})) {
    const outside = outer.properties?.[name]
    if (!outside && !outer['x-kubernetes-preserve-unknown-fields']) {
      errors.push(
        required(
          `${path.replace(/\.(?:allOf|anyOf|oneOf)\[\d+\]$|\.not$/, '')}.properties[${name}]`,
          `because it is defined in ${path}.properties[${name}]`,
        ),
      )
    } else checkJunctor(outside ?? {}, field, `${path}.properties[${name}]`, errors)
  }
  if (node.items) checkJunctor(outer.items ?? {}, node.items, `${path}.items`, errors)
  for (const logic of ['allOf', 'anyOf', 'oneOf'] as const)
    for (const [index, one] of (node[logic] ?? []).entries())
      checkJunctor(outer, one, `${path}.${logic}[${index}]`, errors)
}

function checkRootMetadata(schema: JsonSchema, path: string, errors: FieldError[]): void {
  const metadata = schema.properties?.metadata
  if (!metadata) return
  const allowed = new Set(['type', 'description', 'properties', 'x-kubernetes-preserve-unknown-fields'])
  const foreign = Object.keys(metadata).some((keyword) => !allowed.has(keyword))
  const fields = Object.keys(metadata.properties ?? {}).filter((name) => name !== 'name' && name !== 'generateName')
  if (foreign || fields.length > 0)
    errors.push(
      forbidden(
        `${path}.properties[metadata]`,
        'must not specify anything other than name and generateName, but metadata is implicitly specified',
      ),
    )
}

function checkDefaults(schema: JsonSchema, path: string, errors: FieldError[]): void {
  if (schema.default !== undefined) {
    const place = `${path}.default`
    const unknown = unknownFields(schema, schema.default)
    if (unknown.length > 0)
      errors.push(invalid(place, schema.default, `must not have unknown fields: ${unknown.join(', ')}`))
    for (const { message } of validate(schema, schema.default, place)) errors.push({ field: place, message })
  }
  for (const [name, field] of Object.entries(schema.properties ?? {}))
    checkDefaults(field, `${path}.properties[${name}]`, errors)
  if (schema.items) checkDefaults(schema.items, `${path}.items`, errors)
  if (typeof schema.additionalProperties === 'object')
    checkDefaults(schema.additionalProperties, `${path}.additionalProperties`, errors)
}
