import type { ObjectMeta } from '@thresher/api/meta'
import { claimTemplatesAnnotation, parseClaimTemplates } from '@thresher/api/kubevirt/claim-templates'
import { imageIdAnnotation } from '@thresher/api/names'
import { textOf, textsAt, valuesAt, type FieldValue } from '@thresher/api/field-values'
import { qualified } from './reference-names.ts'
import { readDisk, readImage, type Reference } from './reference-rights.ts'

/** Finds the image that a storage class makes volumes of, as `namespace/name`. */
export type ClassOf = (className: string) => string | undefined

/** What a claim's content comes from: an image it names, its class's image, or another claim or snapshot. */
export function claimReferences(
  { field, value: claim }: FieldValue<unknown>,
  namespace: string,
  classOf: ClassOf,
): Reference[] {
  const below = (path: string) => (field ? `${field}.${path}` : path)
  const annotation = textOf(valuesAt(claim, 'metadata.annotations')[0]?.value, imageIdAnnotation)
  const ofClass = textsAt(claim, 'spec.storageClassName').flatMap((name) => {
    const image = classOf(name.value)
    return image ? [{ field: below(name.field), ...qualified(image, ''), rights: readImage }] : []
  })
  const sources = valuesAt(claim, 'spec.dataSourceRef').map((source) => ({
    field: below(`${source.field}.namespace`),
    namespace: textOf(source.value, 'namespace') || namespace,
    name: textOf(source.value, 'name'),
    rights: readDisk,
  }))
  return [
    ...(annotation
      ? [
          {
            field: below(`metadata.annotations[${imageIdAnnotation}]`),
            ...qualified(annotation, namespace),
            rights: readImage,
          },
        ]
      : []),
    ...ofClass,
    ...sources,
  ]
}

/** The claims that a machine's annotation declares; none where it cannot be read, for then none are made. */
export function templateClaims(machine: unknown): FieldValue<unknown>[] {
  const annotations = valuesAt(machine, 'metadata.annotations')[0]?.value
  const text = textOf(annotations, claimTemplatesAnnotation)
  if (text === '') return []
  const metadata: ObjectMeta = { name: '', annotations: { [claimTemplatesAnnotation]: text } }
  try {
    return parseClaimTemplates(metadata).map((value, at) => ({
      field: `metadata.annotations[${claimTemplatesAnnotation}][${at}]`,
      value,
    }))
  } catch {
    return []
  }
}
