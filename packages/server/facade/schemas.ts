import type { Column, Kind } from '@thresher/api/kind'
import { Access } from './access.ts'
import type { FacadeCall } from './context.ts'
import { pluralName, schemaId, shownKinds } from './schema-names.ts'
import { virtualTypes } from './virtual-types.ts'

const verbs = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'] as const
type Verb = (typeof verbs)[number]

/** What clients need to know of the kinds that the caller can see. */
export async function schemas(call: FacadeCall): Promise<Record<string, unknown>[]> {
  const access = new Access(call)
  const shown = await Promise.all(shownKinds(call.parts.server().registry).map((kind) => schemaOf(call, kind, access)))
  return [...shown.filter((schema) => schema !== undefined), ...virtualTypes.map((type) => virtualSchema(call, type))]
}

/** The schema of one kind; undefined where the caller can do nothing with it. */
export async function schemaOf(
  call: FacadeCall,
  kind: Kind,
  access: Access,
): Promise<Record<string, unknown> | undefined> {
  const allowed: Verb[] = []
  for (const verb of verbs) if (await access.mayAnywhere(verb, kind)) allowed.push(verb)
  if (allowed.length === 0) return undefined
  const id = schemaId(kind)
  const methods = (table: Partial<Record<Verb, string>>) =>
    allowed.flatMap((verb) => table[verb] ?? []).filter((method, index, all) => all.indexOf(method) === index)
  return {
    id,
    type: 'schema',
    links: { self: `${call.base}/schemas/${id}`, collection: `${call.base}/${pluralName(kind)}` },
    pluralName: pluralName(kind),
    resourceMethods: methods({ get: 'GET', update: 'PUT', patch: 'PATCH', delete: 'DELETE' }),
    collectionMethods: methods({ list: 'GET', create: 'POST' }),
    resourceFields: {},
    ...(kind.actions ? { resourceActions: Object.fromEntries(kind.actions.map(({ name }) => [name, {}])) } : {}),
    attributes: {
      group: kind.group,
      version: kind.version,
      kind: kind.kind,
      resource: kind.plural,
      namespaced: kind.namespaced,
      verbs: allowed,
      columns: columns(kind),
      access: Object.fromEntries(allowed.map((verb) => [verb, [{ namespace: '*', resourceName: '*' }]])),
    },
  }
}

type Heading = Pick<Column, 'name' | 'type' | 'format' | 'description' | 'priority'>

/** A kind's columns, in the order of `metadata.fields`: as in tables, the name comes first unless the kind has a column of that name. */
function columns(kind: Kind): Record<string, unknown>[] {
  const own: Heading[] = kind.columns ?? [{ name: 'Age', type: 'date' }]
  const all: Heading[] = own.some(({ name }) => name === 'Name') ? own : [{ name: 'Name', format: 'name' }, ...own]
  return all.map((column, index) => ({
    name: column.name,
    type: column.type ?? 'string',
    format: column.format ?? '',
    description: column.description ?? '',
    priority: column.priority ?? 0,
    field: `$.metadata.fields[${index}]`,
  }))
}

function virtualSchema(call: FacadeCall, type: { id: string; plural: string }): Record<string, unknown> {
  return {
    id: type.id,
    type: 'schema',
    links: { self: `${call.base}/schemas/${type.id}`, collection: `${call.origin}/v1/${type.plural}` },
    pluralName: type.plural,
    resourceMethods: ['GET', 'PUT'],
    collectionMethods: ['GET'],
    resourceFields: {},
    attributes: {},
  }
}
