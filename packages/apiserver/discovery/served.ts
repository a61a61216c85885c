import type { Kind } from '@thresher/api/kind'
import { compareVersions } from './version-order.ts'

/** A subresource that is not the server's own, as discovery needs to know it. */
export interface ServedSubresource {
  group: string
  version: string
  plural: string
  subresource: string
  namespaced: boolean
  methods: string[]
  /** The kind of what it answers; that of the parent unless said. */
  kind?: string
}

/** What is named of a kind in lists of resources. */
export interface GroupVersionKind {
  group: string
  version: string
  kind: string
}

interface Subresource {
  name: string
  responseKind: GroupVersionKind
  verbs: string[]
}

/** One resource with what can be done with it. */
export interface ServedResource {
  plural: string
  singular: string
  namespaced: boolean
  /** Undefined where only subresources are served under this name. */
  kind?: Kind
  responseKind: GroupVersionKind
  verbs: string[]
  subresources: Subresource[]
}

/** One group with its versions, the preferred one first. */
export interface ServedGroup {
  /** Empty for the core group. */
  name: string
  versions: { version: string; resources: ServedResource[] }[]
}

const storedVerbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']
const methodVerbs: Record<string, string> = {
  GET: 'get',
  PUT: 'update',
  POST: 'create',
  PATCH: 'patch',
  DELETE: 'delete',
}
const nothing: GroupVersionKind = { group: '', version: '', kind: '' }

/** All that is served, by group and version. Built-in groups come first, those of custom kinds after, by name. */
export function servedGroups(kinds: readonly Kind[], subresources: readonly ServedSubresource[]): ServedGroup[] {
  const groups = new Map<string, Map<string, Map<string, ServedResource>>>()
  const resourcesOf = (group: string, version: string) => {
    const versions = groups.get(group) ?? new Map<string, Map<string, ServedResource>>()
    groups.set(group, versions)
    const resources = versions.get(version) ?? new Map<string, ServedResource>()
    versions.set(version, resources)
    return resources
  }
  for (const kind of inOrder(kinds)) resourcesOf(kind.group, kind.version).set(kind.plural, resourceOf(kind))
  for (const one of subresources) {
    const resources = resourcesOf(one.group, one.version)
    if (one.plural === '') continue
    const parent = resources.get(one.plural) ?? bareParent(one)
    resources.set(one.plural, parent)
    addSubresource(parent, one)
  }
  return [...groups].map(([name, versions]) => ({
    name,
    versions: [...versions]
      .toSorted(([a], [b]) => compareVersions(a, b))
      .map(([version, resources]) => ({ version, resources: [...resources.values()] })),
  }))
}

function inOrder(kinds: readonly Kind[]): Kind[] {
  const custom = kinds.filter(({ origin }) => origin === 'custom')
  const sortKey = ({ group, plural }: Kind) => `${group}/${plural}`
  return [
    ...kinds.filter(({ origin, group }) => origin !== 'custom' && group === ''),
    ...kinds.filter(({ origin, group }) => origin !== 'custom' && group !== ''),
    ...custom.toSorted((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1)),
  ]
}

function resourceOf(kind: Kind): ServedResource {
  const responseKind = { group: kind.group, version: kind.version, kind: kind.kind }
  const stored = kind.stored !== false
  const own: Subresource[] = []
  if (stored && kind.subresources?.status) own.push({ name: 'status', responseKind, verbs: ['get', 'patch', 'update'] })
  if (stored && kind.subresources?.scale) {
    const scale = { group: 'autoscaling', version: 'v1', kind: 'Scale' }
    own.push({ name: 'scale', responseKind: scale, verbs: ['get', 'patch', 'update'] })
  }
  return {
    plural: kind.plural,
    singular: kind.singular,
    namespaced: kind.namespaced,
    kind,
    responseKind,
    verbs: stored ? storedVerbs : ['create'],
    subresources: own,
  }
}

function bareParent({ plural, namespaced }: ServedSubresource): ServedResource {
  return { plural, singular: '', namespaced, responseKind: nothing, verbs: [], subresources: [] }
}

/** What is answered under the plural itself, without being stored: read, one by one and as a list. */
function serveParent(parent: ServedResource, { group, version, kind = '' }: ServedSubresource): void {
  parent.verbs = ['get', 'list']
  parent.responseKind = { group, version, kind }
}

function addSubresource(parent: ServedResource, one: ServedSubresource): void {
  const [name = ''] = one.subresource.split('/')
  const verbs = one.methods.map((method) => methodVerbs[method] ?? method.toLowerCase())
  if (name === '') return serveParent(parent, one)
  const known = parent.subresources.find((other) => other.name === name)
  if (known) {
    known.verbs = [...new Set([...known.verbs, ...verbs])].toSorted()
    return
  }
  const responseKind = one.kind
    ? { group: one.group, version: one.version, kind: one.kind }
    : parent.kind
      ? parent.responseKind
      : { group: one.group, version: one.version, kind: '' }
  parent.subresources.push({ name, responseKind, verbs: verbs.toSorted() })
}
