import type { ServedResource } from '../discovery/served.ts'
import { kindSchemas, reference, sharedSchemas } from './openapi-schema.ts'
import { pathsOf, type Operation } from './operations.ts'

/** The OpenAPI 3.0 document of one group and version. @param productVersion shown to readers */
export function openApiV3(
  group: string,
  version: string,
  resources: readonly ServedResource[],
  productVersion: string,
): object {
  const paths: Record<string, object> = {}
  const schemas = sharedSchemas('v3')
  for (const resource of resources) {
    if (resource.kind) Object.assign(schemas, kindSchemas(resource.kind, 'v3'))
    for (const { path, names, operations } of pathsOf(resource, group, version)) {
      paths[path] = {
        ...Object.fromEntries(operations.map((one) => [one.method, operation(one)])),
        parameters: names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
      }
    }
  }
  return { openapi: '3.0.0', info: { title: 'Kubernetes', version: productVersion }, paths, components: { schemas } }
}

function operation(one: Operation): object {
  const { group, version, kind } = one
  const tag = (group || 'core') + '_' + version
  return {
    tags: [tag],
    operationId: one.id,
    parameters: one.query.map(({ name, type, description }) => ({ name, in: 'query', description, schema: { type } })),
    ...(one.body
      ? {
          requestBody: {
            required: one.method !== 'delete',
            content: Object.fromEntries(one.bodyTypes.map((type) => [type, { schema: reference(one.body!, 'v3') }])),
          },
        }
      : {}),
    responses: {
      [one.success]: {
        description: 'Done',
        ...(one.answer ? { content: { 'application/json': { schema: reference(one.answer, 'v3') } } } : {}),
      },
    },
    'x-kubernetes-action': one.action,
    'x-kubernetes-group-version-kind': { group, version, kind },
  }
}
