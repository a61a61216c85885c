import { Access } from './access.ts'
import type { FacadeCall } from './context.ts'
import { schemaId } from './schema-names.ts'

/** How many objects of one kind there are. */
export interface Count {
  summary: { count: number }
  revision: string
  namespaces: Record<string, { count: number }>
}

/** The number of objects of each kind that the caller can list, by schema id. */
export async function countObjects(call: Pick<FacadeCall, 'parts' | 'user'>): Promise<Record<string, Count>> {
  const access = new Access(call)
  const counts: Record<string, Count> = {}
  for (const { storageKind: kind, cache } of call.parts.server().registry.resources()) {
    const everywhere = await access.may('list', kind)
    const namespaces: Record<string, { count: number }> = {}
    let count = 0
    for (const { key } of cache.entries()) {
      const namespace = kind.namespaced ? key.slice(0, key.indexOf('/')) : ''
      if (!everywhere && !(await access.may('list', kind, namespace || undefined))) continue
      count += 1
      if (!namespace) continue
      const inNamespace = (namespaces[namespace] ??= { count: 0 })
      inNamespace.count += 1
    }
    if (everywhere || count > 0)
      counts[schemaId(kind)] = { summary: { count }, revision: String(cache.revision), namespaces }
  }
  return counts
}
