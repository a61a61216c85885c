import { isReason } from '@thresher/api/error'
import type { KindAddress } from './paths.ts'
import type { Transport } from './transport.ts'

/** A kind as the server tells of it. */
export interface ServedKind extends KindAddress {
  verbs: readonly string[]
}

interface ResourceList {
  resources?: { name: string; kind: string; namespaced: boolean; verbs?: string[] }[]
}
interface GroupList {
  groups?: { name: string; preferredVersion?: { version: string }; versions?: { version: string }[] }[]
}

/** All kinds that the server serves, each in the version it prefers. Subresources are left out. */
export async function discoverKinds(transport: Transport, signal?: AbortSignal): Promise<ServedKind[]> {
  const { groups = [] } = await transport.request<GroupList>({ method: 'GET', path: '/apis', signal })
  const versions = [
    { group: '', version: 'v1' },
    ...groups.map(({ name, preferredVersion, versions: all }) => ({
      group: name,
      version: preferredVersion?.version ?? all?.[0]?.version ?? 'v1',
    })),
  ]
  const lists = await Promise.all(
    versions.map(async ({ group, version }) => {
      const path = group ? `/apis/${group}/${version}` : `/api/${version}`
      const { resources = [] } = await listResources(transport, path, signal)
      return resources
        .filter(({ name }) => !name.includes('/'))
        .map(({ name, kind, namespaced, verbs = [] }) => ({
          group,
          version,
          kind,
          plural: name,
          namespaced,
          apiVersion: group ? `${group}/${version}` : version,
          verbs,
        }))
    }),
  )
  return lists.flat()
}

/** A group may go between the two looks, with its last kind. */
async function listResources(transport: Transport, path: string, signal?: AbortSignal): Promise<ResourceList> {
  try {
    return await transport.request<ResourceList>({ method: 'GET', path, signal })
  } catch (error) {
    if (isReason(error, 'NotFound')) return {}
    throw error
  }
}
