import type { CustomResourceDefinition } from '@thresher/api/apiextensions/custom-resource-definition'
import type { JsonSchema, Kind } from '@thresher/api/kind'
import { ObjectMeta } from '@thresher/api/meta'

/** The kinds that a definition makes: one for each version that is served, and the one that is stored even if it is not. */
export function kindsOf({ spec }: CustomResourceDefinition): Kind[] {
  const { group, names, scope } = spec
  return spec.versions
    .filter(({ served }) => served)
    .map((version) => ({
      group,
      version: version.name,
      kind: names.kind,
      plural: names.plural,
      singular: names.singular || names.kind.toLowerCase(),
      shortNames: names.shortNames,
      categories: names.categories,
      namespaced: scope === 'Namespaced',
      apiVersion: `${group}/${version.name}`,
      origin: 'custom',
      storageVersion: version.storage,
      deprecation: version.deprecated
        ? version.deprecationWarning || `${group}/${version.name} ${names.kind} is deprecated`
        : undefined,
      subresources: { status: version.subresources?.status !== undefined, scale: version.subresources?.scale },
      columns: version.additionalPrinterColumns?.map(({ jsonPath, ...column }) => ({
        ...column,
        type: column.type as 'string',
        path: jsonPath,
      })),
      selectableFields: version.selectableFields?.map(({ jsonPath }) => jsonPath),
      schema: objectSchema(version.schema?.openAPIV3Schema ?? { type: 'object' }),
    }))
}

/** The schema of whole objects: apiVersion, kind and metadata are every kind's, whatever the definition says of them. */
function objectSchema(schema: JsonSchema): JsonSchema {
  return {
    ...schema,
    type: 'object',
    properties: {
      ...schema.properties,
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: ObjectMeta as JsonSchema,
    },
  }
}
