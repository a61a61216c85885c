import { column } from '../columns.ts'
import type { FieldError } from '../error.ts'
import { defineKind, type JsonSchema, type ObjectOf } from '../kind.ts'
import { base64, flag, having, int32, list, listBy, object, oneOf, optional, schemaOf, text, texts } from '../schema.ts'

const names = object(
  { plural: text, kind: text },
  { singular: text, shortNames: texts, listKind: text, categories: texts },
)

const Version = object(
  { name: text, served: flag, storage: flag },
  {
    deprecated: flag,
    deprecationWarning: text,
    schema: optional({
      openAPIV3Schema: schemaOf<JsonSchema>({ type: 'object', 'x-kubernetes-preserve-unknown-fields': true }),
    }),
    subresources: optional({
      status: schemaOf<object>({ type: 'object', 'x-kubernetes-preserve-unknown-fields': true }),
      scale: object({ specReplicasPath: text, statusReplicasPath: text }, { labelSelectorPath: text }),
    }),
    additionalPrinterColumns: list(
      object({ name: text, type: text, jsonPath: text }, { format: text, description: text, priority: int32 }),
    ),
    selectableFields: list(object({ jsonPath: text })),
  },
)

/** A kind that is made at run time. */
export const CustomResourceDefinition = defineKind({
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  description: 'A kind that is made at run time.',
  plural: 'customresourcedefinitions',
  shortNames: ['crd', 'crds'],
  categories: ['api-extensions'],
  namespaced: false,
  spec: object(
    { group: text, names, scope: oneOf('Cluster', 'Namespaced'), versions: list(Version) },
    {
      conversion: object(
        { strategy: text },
        {
          webhook: object(
            { conversionReviewVersions: texts },
            {
              clientConfig: optional({
                url: text,
                service: object({ namespace: text, name: text }, { path: text, port: int32 }),
                caBundle: base64,
              }),
            },
          ),
        },
      ),
      preserveUnknownFields: flag,
    },
  ),
  status: optional({
    conditions: listBy(
      object(
        { type: text, status: text },
        {
          lastTransitionTime: having(text, { format: 'date-time' }),
          reason: text,
          message: text,
          observedGeneration: int32,
        },
      ),
      ['type'],
    ),
    acceptedNames: names,
    storedVersions: texts,
    observedGeneration: int32,
  }),
  columns: [column('Created At', '.metadata.creationTimestamp')],
  fillDefaults(definition) {
    const given = definition.spec?.names
    if (typeof given !== 'object' || given === null) return
    given.singular ??= String(given.kind).toLowerCase()
    given.listKind ??= `${given.kind}List`
    definition.spec.conversion ??= { strategy: 'None' }
  },
  check(definition) {
    const { spec, metadata } = definition
    const errors: FieldError[] = []
    if (metadata.name !== `${spec.names.plural}.${spec.group}`)
      errors.push({
        field: 'metadata.name',
        message: `must be ${JSON.stringify(`${spec.names.plural}.${spec.group}`)}: plural, a dot, the group`,
      })
    const stored = spec.versions.filter(({ storage }) => storage).length
    if (stored !== 1)
      errors.push({ field: 'spec.versions', message: `mark exactly one version with storage: true, not ${stored}` })
    const seen = new Set<string>()
    for (const [index, version] of spec.versions.entries()) {
      if (seen.has(version.name))
        errors.push({ field: `spec.versions[${index}].name`, message: 'is there twice', reason: 'FieldValueDuplicate' })
      seen.add(version.name)
      if (!/^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/.test(version.name))
        errors.push({ field: `spec.versions[${index}].name`, message: 'must be a version such as v1 or v1beta1' })
      if (version.schema?.openAPIV3Schema === undefined)
        errors.push({
          field: `spec.versions[${index}].schema.openAPIV3Schema`,
          message: 'schemas are required',
          reason: 'FieldValueRequired',
        })
      else if (version.schema.openAPIV3Schema.type !== 'object')
        errors.push({ field: `spec.versions[${index}].schema.openAPIV3Schema.type`, message: 'must be object' })
    }
    if (spec.preserveUnknownFields)
      errors.push({
        field: 'spec.preserveUnknownFields',
        message: 'must be false; set x-kubernetes-preserve-unknown-fields in the schema instead',
      })
    return errors
  },
  checkUpdate(next, previous) {
    const changed: FieldError[] = []
    const fixed: [string, unknown, unknown][] = [
      ['spec.group', next.spec.group, previous.spec.group],
      ['spec.scope', next.spec.scope, previous.spec.scope],
      ['spec.names.plural', next.spec.names.plural, previous.spec.names.plural],
      ['spec.names.kind', next.spec.names.kind, previous.spec.names.kind],
    ]
    for (const [field, now, was] of fixed)
      if (now !== was) changed.push({ field, message: 'cannot change; delete the definition and make it anew' })
    for (const version of previous.status?.storedVersions ?? [])
      if (!next.spec.versions.some(({ name }) => name === version))
        changed.push({
          field: 'status.storedVersions',
          message: `objects are stored in ${version}; keep that version in spec.versions`,
        })
    return changed
  },
})
export type CustomResourceDefinition = ObjectOf<typeof CustomResourceDefinition>
