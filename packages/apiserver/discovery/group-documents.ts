import { createHash } from 'node:crypto'
import type { ServedGroup, ServedResource } from './served.ts'

/** `/api`: the versions of the core group. */
export function apiVersions(groups: readonly ServedGroup[]): object {
  const core = groups.find(({ name }) => name === '')
  return {
    kind: 'APIVersions',
    versions: core?.versions.map(({ version }) => version) ?? [],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: '' }],
  }
}

/** `/apis`: all groups but the core one. */
export function apiGroupList(groups: readonly ServedGroup[]): object {
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.filter(({ name }) => name !== '').map(group) }
}

/** `/apis/<group>`. */
export function apiGroup(one: ServedGroup): object {
  return { kind: 'APIGroup', apiVersion: 'v1', ...group(one) }
}

function group({ name, versions }: ServedGroup): object {
  const named = versions.map(({ version }) => ({ groupVersion: `${name}/${version}`, version }))
  return { name, versions: named, preferredVersion: named[0] }
}

/** `/api/v1` and `/apis/<group>/<version>`. */
export function apiResourceList(groupName: string, version: string, resources: readonly ServedResource[]): object {
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: groupName ? `${groupName}/${version}` : version,
    resources: resources.flatMap((resource) => resourceLines(resource, groupName, version)),
  }
}

function resourceLines(resource: ServedResource, group: string, version: string): object[] {
  const { plural, singular, namespaced, kind, verbs, responseKind: answered } = resource
  const lines: object[] = []
  if (kind) {
    lines.push({
      name: plural,
      singularName: singular,
      namespaced,
      kind: kind.kind,
      verbs,
      ...(kind.shortNames?.length ? { shortNames: kind.shortNames } : {}),
      ...(kind.categories?.length ? { categories: kind.categories } : {}),
      ...(kind.stored === false ? {} : { storageVersionHash: storageVersionHash(group, version, kind.kind) }),
    })
  }
  if (!kind && verbs.length > 0) lines.push({ name: plural, singularName: '', namespaced, kind: answered.kind, verbs })
  for (const { name, responseKind, verbs: subVerbs } of resource.subresources) {
    const foreign = responseKind.kind !== '' && (responseKind.group !== group || responseKind.version !== version)
    lines.push({
      name: `${plural}/${name}`,
      singularName: '',
      namespaced,
      ...(foreign ? { group: responseKind.group, version: responseKind.version } : {}),
      kind: responseKind.kind || kindOf(plural),
      verbs: subVerbs,
    })
  }
  return lines
}

/** A name for the answers of a subresource without a kind; clients want one. */
function kindOf(plural: string): string {
  return plural.charAt(0).toUpperCase() + plural.slice(1)
}

function storageVersionHash(group: string, version: string, kind: string): string {
  return createHash('sha256').update(`${group}/${version}/${kind}`).digest().subarray(0, 8).toString('base64')
}
