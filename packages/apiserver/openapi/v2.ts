import type { ServedGroup } from '../discovery/served.ts'
import { kindSchemas, reference, sharedSchemas, type OpenApiSchema } from './openapi-schema.ts'
import { pathsOf, type Operation } from './operations.ts'

/** A Swagger 2.0 document, the part of it that is written here. */
export interface SwaggerDocument {
  swagger: '2.0'
  info: { title: string; version: string }
  paths: Record<string, SwaggerPath>
  definitions: Record<string, OpenApiSchema>
}

/** The operations of a path, and the parameters in its braces. */
export interface SwaggerPath {
  operations: Partial<Record<Operation['method'], SwaggerOperation>>
  parameters: SwaggerParameter[]
}

/** An operation; `extensions` stand beside its other fields in JSON. */
export interface SwaggerOperation {
  tags: string[]
  operationId: string
  consumes: string[]
  produces: string[]
  parameters: SwaggerParameter[]
  responses: Record<string, { description: string; schema?: OpenApiSchema }>
  extensions: Record<string, unknown>
}

/** A parameter, by where it is sent. */
export type SwaggerParameter =
  | { in: 'query' | 'path'; name: string; type: string; required?: boolean; description?: string }
  | { in: 'body'; name: 'body'; required?: boolean; schema: OpenApiSchema }

/** The document of everything that is served, for clients that know no version 3. @param productVersion shown to readers */
export function openApiV2(groups: readonly ServedGroup[], productVersion: string): SwaggerDocument {
  const paths: Record<string, SwaggerPath> = {}
  const definitions = sharedSchemas('v2')
  for (const { name: group, versions } of groups) {
    for (const { version, resources } of versions) {
      for (const resource of resources) {
        if (resource.kind) Object.assign(definitions, kindSchemas(resource.kind, 'v2'))
        for (const { path, names, operations } of pathsOf(resource, group, version)) {
          paths[path] = {
            operations: Object.fromEntries(operations.map((one) => [one.method, operation(one)])),
            parameters: names.map((name) => ({ in: 'path', name, type: 'string', required: true })),
          }
        }
      }
    }
  }
  return { swagger: '2.0', info: { title: 'Kubernetes', version: productVersion }, paths, definitions }
}

function operation(one: Operation): SwaggerOperation {
  const { group, version, kind } = one
  const body: SwaggerParameter[] = one.body
    ? [{ in: 'body', name: 'body', required: one.method !== 'delete', schema: reference(one.body, 'v2') }]
    : []
  const query = one.query.map(({ name, type, description }): SwaggerParameter => ({
    in: 'query',
    name,
    type,
    description,
  }))
  return {
    tags: [(group || 'core') + '_' + version],
    operationId: one.id,
    consumes: one.body ? one.bodyTypes : ['*/*'],
    produces: ['application/json', 'application/yaml'],
    parameters: [...body, ...query],
    responses: {
      [one.success]: { description: 'Done', ...(one.answer ? { schema: reference(one.answer, 'v2') } : {}) },
    },
    extensions: {
      'x-kubernetes-action': one.action,
      'x-kubernetes-group-version-kind': { group, version, kind },
    },
  }
}

/** The document as JSON. */
export function swaggerJson(document: SwaggerDocument): string {
  const paths = Object.entries(document.paths).map(([path, { operations, parameters }]) => [
    path,
    {
      ...Object.fromEntries(
        Object.entries(operations).map(([method, { extensions, ...rest }]) => [method, { ...rest, ...extensions }]),
      ),
      parameters,
    },
  ])
  return JSON.stringify({ ...document, paths: Object.fromEntries(paths) as object })
}
