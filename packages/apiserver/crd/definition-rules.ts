import type { CustomResourceDefinition } from '@thresher/api/apiextensions/custom-resource-definition'
import type { FieldError } from '@thresher/api/error'
import { compileJsonPath } from '@thresher/api/jsonpath'
import type { JsonSchema } from '@thresher/api/kind'
import { forbidden, invalid, notSupported } from '../schema/field-error.ts'
import { checkStructural } from './structural-rules.ts'

type Version = CustomResourceDefinition['spec']['versions'][number]

const label = /^[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?$/
const columnTypes = ['boolean', 'date', 'integer', 'number', 'string']
const simplePath = /^(?:\.[A-Za-z_][A-Za-z0-9_]*|\['[^']+'\])+$/
const maxSelectableFields = 8

/** What is wrong with a definition beyond what its own schema says: names, schemas, columns, paths. In Kubernetes' words. */
export function checkDefinition({ spec }: CustomResourceDefinition): FieldError[] {
  const errors: FieldError[] = []
  const { names, conversion } = spec
  for (const field of ['plural', 'singular'] as const) {
    const name = names[field]
    if (name && !label.test(name)) errors.push(invalid(`spec.names.${field}`, name, notLabel))
  }
  for (const [index, name] of (names.shortNames ?? []).entries())
    if (!label.test(name)) errors.push(invalid(`spec.names.shortNames[${index}]`, name, notLabel))
  for (const field of ['kind', 'listKind'] as const) {
    const name = names[field]
    if (name && !label.test(name.toLowerCase()))
      errors.push(invalid(`spec.names.${field}`, name, `may have mixed case, but should otherwise match: ${notLabel}`))
  }
  if (!spec.group.includes('.'))
    errors.push(invalid('spec.group', spec.group, 'should be a domain with at least one dot'))
  if (conversion && conversion.strategy !== 'None')
    errors.push(notSupported('spec.conversion.strategy', conversion.strategy, ['None']))
  for (const [index, version] of spec.versions.entries()) checkVersion(version, `spec.versions[${index}]`, errors)
  return errors
}

const notLabel =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character"

function checkVersion(version: Version, path: string, errors: FieldError[]): void {
  const schema = version.schema?.openAPIV3Schema
  if (schema) errors.push(...checkStructural(schema, `${path}.schema.openAPIV3Schema`))
  for (const [index, column] of (version.additionalPrinterColumns ?? []).entries()) {
    const place = `${path}.additionalPrinterColumns[${index}]`
    if (!columnTypes.includes(column.type)) errors.push(notSupported(`${place}.type`, column.type, columnTypes))
    const problem = pathProblem(column.jsonPath)
    if (problem) errors.push(invalid(`${place}.jsonPath`, column.jsonPath, problem))
  }
  const scale = version.subresources?.scale
  if (scale) {
    checkScalePath(scale.specReplicasPath, '.spec.', `${path}.subresources.scale.specReplicasPath`, errors)
    checkScalePath(scale.statusReplicasPath, '.status.', `${path}.subresources.scale.statusReplicasPath`, errors)
  }
  const selectable = version.selectableFields ?? []
  if (selectable.length > maxSelectableFields)
    errors.push({
      field: `${path}.selectableFields`,
      message: `Too many: ${selectable.length}: must have at most ${maxSelectableFields} items`,
    })
  for (const [index, { jsonPath }] of selectable.entries()) {
    const place = `${path}.selectableFields[${index}].jsonPath`
    if (!simplePath.test(jsonPath))
      errors.push(invalid(place, jsonPath, 'is an invalid path: name fields only, such as .spec.colour'))
    else if (jsonPath.startsWith('.metadata'))
      errors.push(invalid(place, jsonPath, 'must not point to fields in metadata'))
    else if (schema && !isScalar(fieldAt(schema, jsonPath)))
      errors.push(invalid(place, jsonPath, 'must point to a field of type string, boolean or integer'))
  }
}

function pathProblem(path: string): string | undefined {
  try {
    compileJsonPath(path)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

function checkScalePath(path: string, prefix: string, field: string, errors: FieldError[]): void {
  if (!simplePath.test(path)) errors.push(invalid(field, path, 'should be a simple json path without array notation'))
  else if (!path.startsWith(prefix)) errors.push(forbidden(field, `should be a json path under ${prefix.slice(0, -1)}`))
}

function fieldAt(schema: JsonSchema, path: string): JsonSchema | undefined {
  let at: JsonSchema | undefined = schema
  for (const step of path.split('.').slice(1)) at = at?.properties?.[step]
  return at
}

function isScalar(schema: JsonSchema | undefined): boolean {
  return ['string', 'boolean', 'integer'].includes(schema?.type ?? '')
}
