import { checkClaimSpec, type ClaimTemplate } from '../core/persistent-volume-claim.ts'
import { PersistentVolumeClaimSpec } from '../core/persistent-volume-claim-spec.ts'
import type { FieldError } from '../error.ts'
import type { JsonSchema } from '../kind.ts'
import type { ObjectMeta } from '../meta.ts'
import { compareQuantities, isQuantity } from '../quantity.ts'

/** A JSON array of PersistentVolumeClaims that the virtual machine makes and owns. */
export const claimTemplatesAnnotation = 'harvesterhci.io/volumeClaimTemplates'

/** Claims to be deleted with the virtual machine, names with commas between. */
export const removedClaimsAnnotation = 'harvesterhci.io/removedPersistentVolumeClaims'

const claimFields = (PersistentVolumeClaimSpec as JsonSchema).properties ?? {}
const field = `metadata.annotations[${claimTemplatesAnnotation}]`

/** The claims that a virtual machine's annotation asks for. @throws {Error} when it is no JSON array of claims with names */
export function parseClaimTemplates(metadata: ObjectMeta): ClaimTemplate[] {
  const written = metadata.annotations?.[claimTemplatesAnnotation]
  if (!written) return []
  const templates: unknown = JSON.parse(written)
  if (!Array.isArray(templates)) throw new Error('it must be a JSON array')
  return templates.map((template: unknown, index) => {
    if (!isRecord(template) || !isRecord(template.metadata) || !isRecord(template.spec))
      throw new Error(`entry ${index} must be an object with metadata and spec`)
    if (typeof template.metadata.name !== 'string' || template.metadata.name === '')
      throw new Error(`PVC name is required: entry ${index} has none`)
    const unknown = Object.keys(template.spec).find((key) => !(key in claimFields))
    if (unknown) throw new Error(`entry ${index} has an unknown field spec.${unknown}`)
    return template as unknown as ClaimTemplate
  })
}

/** What is wrong with the annotation. */
export function checkClaimTemplates(metadata: ObjectMeta): FieldError[] {
  let templates: ClaimTemplate[]
  try {
    templates = parseClaimTemplates(metadata)
  } catch (error) {
    return [{ field, message: `the volumeClaimTemplates annotation is invalid: ${(error as Error).message}` }]
  }
  const seen = new Set<string>()
  return templates.flatMap(({ metadata: { name = '' }, spec }) => {
    if (seen.has(name))
      return [{ field, message: `the claim ${name} is there twice`, reason: 'FieldValueDuplicate' as const }]
    seen.add(name)
    return checkClaimSpec(spec, `${field}[${name}].spec`)
  })
}

/** What a change of the annotation gets wrong: claims cannot shrink, nor move to another class. */
export function checkClaimTemplatesUpdate(next: ObjectMeta, previous: ObjectMeta): FieldError[] {
  let before: ClaimTemplate[]
  let after: ClaimTemplate[]
  try {
    before = parseClaimTemplates(previous)
    after = parseClaimTemplates(next)
  } catch {
    return []
  }
  return after.flatMap(({ metadata: { name }, spec }) => {
    const earlier = before.find((claim) => claim.metadata.name === name)?.spec
    const was = earlier?.resources?.requests?.storage
    if (earlier?.storageClassName && earlier.storageClassName !== spec.storageClassName)
      return [
        {
          field,
          message: `storage class names for the volumes in the ${claimTemplatesAnnotation} annotation cannot be changed; ${name} is of ${earlier.storageClassName}`,
          reason: 'FieldValueForbidden' as const,
        },
      ]
    const now = spec.resources?.requests?.storage
    if (!isQuantity(was) || !isQuantity(now) || compareQuantities(now, was) >= 0) return []
    const message = `${name} PVC requests storage can't be less than previous value: ${now} is less than ${was}`
    return [{ field, message, reason: 'FieldValueForbidden' as const }]
  })
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
