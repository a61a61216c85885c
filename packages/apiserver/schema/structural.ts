import type { FieldError } from '@thresher/api/error'
import type { JsonSchema } from '@thresher/api/kind'
import { compileDefaults, type Defaulter } from './defaults.ts'
import { compilePruner, type Pruner } from './prune.ts'
import { compileValidator, type Validator } from './validate.ts'

interface Compiled {
  fill: Defaulter | undefined
  prune: Pruner | undefined
  validate: Validator | undefined
}

/** What was compiled from a schema, for as long as the schema lives; schemas must not change once used. */
const compiled = new WeakMap<JsonSchema, Compiled>()

function compile(schema: JsonSchema): Compiled {
  let found = compiled.get(schema)
  if (!found) {
    found = { fill: compileDefaults(schema), prune: compilePruner(schema), validate: compileValidator(schema) }
    compiled.set(schema, found)
  }
  return found
}

/** Fill the schema's defaults into `value`, in place; null in a field that is not nullable counts as absent. */
export function applyDefaults(schema: JsonSchema, value: unknown): void {
  compile(schema).fill?.(value)
}

/** Drop, in place, the fields that the schema does not know. @returns their paths: `spec.disks[0].colour` */
export function prune(schema: JsonSchema, value: unknown): string[] {
  const unknown: string[] = []
  compile(schema).prune?.(value, '', unknown, true)
  return unknown
}

/** The paths of the fields that the schema does not know; the value stays as it is. */
export function unknownFields(schema: JsonSchema, value: unknown): string[] {
  const unknown: string[] = []
  compile(schema).prune?.(value, '', unknown, false)
  return unknown
}

/**
 * What is wrong with a value, in Kubernetes' words; at most 100 errors.
 *
 * @param path the value's own path where it is part of an object, such as `spec`
 */
export function validate(schema: JsonSchema, value: unknown, path = ''): FieldError[] {
  const errors: FieldError[] = []
  compile(schema).validate?.(value, path, errors)
  return errors
}
