import type { KubeObject } from '@thresher/api/meta'
import type { Entry } from '../entry.ts'
import type { Resource } from '../registry.ts'
import type { ResourceCall } from '../request.ts'
import { commitDelete, commitUpdate } from './commit.ts'
import type { Context } from './context.ts'
import type { Written } from './create.ts'
import { invalid, modified } from './failures.ts'
import { isReleased, liveObject } from './update.ts'

/** PUT of `namespaces/<name>/finalize`: say who still has to empty the namespace; with nobody left it ends. */
export async function finalizeNamespace(
  context: Context,
  resource: Resource,
  call: ResourceCall,
  live: Entry,
  body: unknown,
): Promise<Written> {
  const { spec, metadata } = (body ?? {}) as { spec?: { finalizers?: unknown }; metadata?: KubeObject['metadata'] }
  const finalizers = spec?.finalizers ?? []
  if (!Array.isArray(finalizers) || !finalizers.every((item) => typeof item === 'string')) {
    throw invalid(call.kind, live.name, [
      { field: 'spec.finalizers', message: 'Invalid value: must be a list of strings' },
    ])
  }
  if (metadata?.resourceVersion && metadata.resourceVersion !== String(live.revision))
    throw modified(resource, live.name)
  const previous = liveObject(resource, call, live)
  const next = { ...previous, spec: { ...(previous as { spec?: object }).spec, finalizers } } as KubeObject
  if (call.dryRun) return { object: next }
  if (isReleased(call, next)) {
    const gone = await commitDelete(context, resource, live)
    return { object: { ...next, metadata: { ...next.metadata, resourceVersion: String(gone.revision) } } }
  }
  const entry = await commitUpdate(context, resource, live, next)
  return { object: entry.object(resource.cache.jsonPrefix), entry }
}
