import { Namespace } from '@thresher/api/core/namespace'
import { isReason } from '@thresher/api/error'
import type { Condition, KubeObject } from '@thresher/api/meta'
import { setCondition } from '@thresher/client/conditions'
import { watch, type Context, type Controller } from '@thresher/client/controller'
import { discoverKinds, type ServedKind } from '@thresher/client/discovery'
import { subjectIs } from '@thresher/client/subject'

/** Holds a namespace until it is empty, in its spec. @see Kubernetes `v1.FinalizerKubernetes` */
const finalizer = 'kubernetes'

const firstLookMs = 50
const longestLookMs = 2_000

/** Empties namespaces that are being deleted, of all kinds that the server serves, and then lets them go. */
export function namespaceController(): Controller {
  /** How long to wait before the next look at a namespace that is not empty yet. */
  const pauses = new Map<string, number>()
  return {
    name: 'namespace',
    subject: subjectIs(Namespace),
    watches: [watch(Namespace)],
    async reconcile(key, context) {
      const namespace = context.objects(Namespace).get(key)
      if (!namespace?.metadata.deletionTimestamp) {
        pauses.delete(key)
        return
      }
      if (!namespace.spec?.finalizers?.includes(finalizer)) return
      const kinds = (await discoverKinds(context.client.transport, context.signal)).filter(
        ({ namespaced, verbs }) => namespaced && verbs.includes('list') && verbs.includes('deletecollection'),
      )
      await Promise.all(kinds.map((kind) => empty(kind, key, context)))
      const left = await remaining(kinds, key, context)
      if (left.length === 0) {
        pauses.delete(key)
        return finalize(namespace, context)
      }
      await show(namespace, left, context)
      const pause = pauses.get(key) ?? firstLookMs
      pauses.set(key, Math.min(pause * 2, longestLookMs))
      return { afterMs: pause }
    },
  }
}

async function empty(kind: ServedKind, namespace: string, context: Context): Promise<void> {
  try {
    await context.client.resource<KubeObject>(kind).deleteCollection({ namespace })
  } catch (error) {
    // A kind that went away has no objects; one that refuses leaves some, and the condition tells of them.
    if (!isReason(error, 'NotFound', 'MethodNotAllowed', 'Forbidden', 'Conflict', 'Invalid')) throw error
  }
}

/** What is still there, as `2 pods`. */
async function remaining(kinds: readonly ServedKind[], namespace: string, context: Context): Promise<string[]> {
  const counts = await Promise.all(
    kinds.map(async (kind) => {
      try {
        const { items } = await context.client.resource<KubeObject>(kind).list({ namespace })
        return items.length > 0 ? [`${items.length} ${kind.plural}`] : []
      } catch (error) {
        if (isReason(error, 'NotFound')) return []
        throw error
      }
    }),
  )
  return counts.flat()
}

async function show(namespace: Namespace, left: readonly string[], context: Context): Promise<void> {
  const conditions: Condition[] = setCondition(
    namespace.status?.conditions,
    {
      type: 'NamespaceContentRemaining',
      status: 'True',
      reason: 'SomeResourcesRemain',
      message: `waiting for what is still in ${namespace.metadata.name} to end: ${left.toSorted().join(', ')}`,
    },
    context.now(),
  )
  if (conditions === namespace.status?.conditions) return
  await context
    .objects(Namespace)
    .updateStatus({ ...namespace, status: { ...namespace.status, phase: 'Terminating', conditions } })
}

async function finalize(namespace: Namespace, context: Context): Promise<void> {
  const finalizers = (namespace.spec?.finalizers ?? []).filter((each) => each !== finalizer)
  try {
    const emptied = { ...namespace, spec: { ...namespace.spec, finalizers } }
    await context.client.resource(Namespace).update(emptied, { subresource: 'finalize' })
  } catch (error) {
    if (!isReason(error, 'NotFound')) throw error
  }
}
