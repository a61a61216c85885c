import type { Kind } from '@thresher/api/kind'
import type { ServedResource } from '../discovery/served.ts'
import { metaNames, schemaName } from './names.ts'

/** One operation on a path, without what differs between the editions of OpenAPI. */
export interface Operation {
  method: 'get' | 'put' | 'post' | 'delete' | 'patch'
  /** `list`, `post`, `deletecollection`, `get`, `put`, `patch`, `delete` or `connect`. */
  action: string
  id: string
  group: string
  version: string
  kind: string
  query: Parameter[]
  /** The schema of the body, if it has one. */
  body?: string
  bodyTypes: string[]
  /** The schema of the answer; none where anything may come. */
  answer?: string
  success: number
}

/** A parameter of the query. */
export interface Parameter {
  name: string
  type: 'string' | 'boolean' | 'integer'
  description: string
}

/** The operations on one path, and the names in its braces. */
export interface Path {
  path: string
  names: string[]
  operations: Operation[]
}

const dryRun: Parameter = { name: 'dryRun', type: 'string', description: 'With All nothing is stored.' }
const fieldManager: Parameter = { name: 'fieldManager', type: 'string', description: 'Who makes the change.' }
const fieldValidation: Parameter = {
  name: 'fieldValidation',
  type: 'string',
  description: 'What happens to unknown and repeated fields: Ignore, Warn or Strict.',
}
const force: Parameter = { name: 'force', type: 'boolean', description: 'Take over fields of other managers.' }
const writing = [dryRun, fieldManager, fieldValidation]
const listing: Parameter[] = [
  { name: 'labelSelector', type: 'string', description: 'Only objects with such labels.' },
  { name: 'fieldSelector', type: 'string', description: 'Only objects with such fields.' },
  { name: 'limit', type: 'integer', description: 'At most this many in one answer.' },
  { name: 'continue', type: 'string', description: 'Where the answer before ended.' },
  { name: 'resourceVersion', type: 'string', description: 'How recent the answer must be.' },
  { name: 'resourceVersionMatch', type: 'string', description: 'How resourceVersion is meant.' },
  { name: 'watch', type: 'boolean', description: 'Tell of changes as they come.' },
  { name: 'allowWatchBookmarks', type: 'boolean', description: 'Tell from time to time how far the watch is.' },
  { name: 'sendInitialEvents', type: 'boolean', description: 'Begin a watch with what is there.' },
  { name: 'timeoutSeconds', type: 'integer', description: 'How long a watch may last.' },
]
const deleting: Parameter[] = [
  dryRun,
  { name: 'propagationPolicy', type: 'string', description: 'Orphan, Background or Foreground.' },
  { name: 'gracePeriodSeconds', type: 'integer', description: 'How long the object may take to end.' },
]
const json = ['application/json']

/** All paths of a resource, without those for single watches. */
export function pathsOf(resource: ServedResource, group: string, version: string): Path[] {
  const base = group ? `/apis/${group}/${version}` : `/api/${version}`
  const within = resource.namespaced ? `${base}/namespaces/{namespace}` : base
  const names = resource.namespaced ? ['namespace'] : []
  const paths: Path[] = []
  const { kind, plural } = resource
  if (kind?.stored === false) {
    paths.push({ path: `${within}/${plural}`, names, operations: [create(kind)] })
  } else if (kind) {
    paths.push({ path: `${within}/${plural}`, names, operations: [list(kind), create(kind), deleteCollection(kind)] })
    if (resource.namespaced)
      paths.push({ path: `${base}/${plural}`, names: [], operations: [list(kind, 'ForAllNamespaces')] })
    const one = [read(kind), replace(kind), patch(kind), remove(kind)]
    paths.push({ path: `${within}/${plural}/{name}`, names: [...names, 'name'], operations: one })
  }
  for (const subresource of resource.subresources) {
    const path = { path: `${within}/${plural}/{name}/${subresource.name}`, names: [...names, 'name'] }
    const status = kind && subresource.name === 'status'
    const operations = status
      ? [read(kind, 'Status'), replace(kind, 'Status'), patch(kind, 'Status')]
      : connect(subresource, plural, group, version)
    paths.push({ ...path, operations })
  }
  return paths
}

function of(kind: Kind, action: string, suffix = '') {
  const { group, version } = kind
  const scope = kind.namespaced && suffix !== 'ForAllNamespaces' ? 'Namespaced' : ''
  const verb = { get: 'read', put: 'replace', post: 'create', deletecollection: 'deleteCollection' }[action] ?? action
  return {
    action,
    id: `${verb}${idOf(group)}${idOf(version)}${scope}${kind.kind}${suffix}`,
    group,
    version,
    kind: kind.kind,
    bodyTypes: json,
    success: 200,
  }
}

function idOf(text: string): string {
  return (text || 'core')
    .split(/[^A-Za-z0-9]/)
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
    .join('')
}

function list(kind: Kind, suffix = ''): Operation {
  return { ...of(kind, 'list', suffix), method: 'get', query: listing, answer: `${schemaName(kind)}List` }
}

function create(kind: Kind): Operation {
  const name = schemaName(kind)
  return { ...of(kind, 'post'), method: 'post', query: writing, body: name, answer: name, success: 201 }
}

function deleteCollection(kind: Kind): Operation {
  const query = [...listing, ...deleting]
  return {
    ...of(kind, 'deletecollection'),
    method: 'delete',
    query,
    body: metaNames.deleteOptions,
    answer: metaNames.status,
  }
}

function read(kind: Kind, suffix = ''): Operation {
  return { ...of(kind, 'get', suffix), method: 'get', query: [], answer: schemaName(kind) }
}

function replace(kind: Kind, suffix = ''): Operation {
  const name = schemaName(kind)
  return { ...of(kind, 'put', suffix), method: 'put', query: writing, body: name, answer: name }
}

function patch(kind: Kind, suffix = ''): Operation {
  const strategic = kind.origin === 'custom' ? [] : ['application/strategic-merge-patch+json']
  return {
    ...of(kind, 'patch', suffix),
    method: 'patch',
    query: [...writing, force],
    body: metaNames.patch,
    bodyTypes: [
      'application/apply-patch+yaml',
      'application/json-patch+json',
      'application/merge-patch+json',
      ...strategic,
    ],
    answer: schemaName(kind),
  }
}

function remove(kind: Kind): Operation {
  return {
    ...of(kind, 'delete'),
    method: 'delete',
    query: deleting,
    body: metaNames.deleteOptions,
    answer: metaNames.status,
  }
}

const methods: Record<string, Operation['method']> = {
  get: 'get',
  update: 'put',
  create: 'post',
  patch: 'patch',
  delete: 'delete',
}

function connect(
  { name, verbs, responseKind }: ServedResource['subresources'][number],
  plural: string,
  group: string,
  version: string,
): Operation[] {
  const kind = responseKind.kind || plural
  return verbs.flatMap((verb) => {
    const method = methods[verb]
    if (!method) return []
    const id = `connect${idOf(method)}${idOf(group)}${idOf(version)}${idOf(plural)}${idOf(name)}`
    return [
      {
        method,
        action: 'connect',
        id,
        group: responseKind.group || group,
        version: responseKind.version || version,
        kind,
        query: [],
        bodyTypes: json,
        success: 200,
      },
    ]
  })
}
