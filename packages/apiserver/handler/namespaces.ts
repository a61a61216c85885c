import type { Kind } from '@thresher/api/kind'
import type { KubeObject } from '@thresher/api/meta'
import type { Context } from './context.ts'
import { forbiddenWrite, notFound } from './failures.ts'

/** The finalizer, in a namespace's spec, of whoever empties it. */
const namespaceFinalizer = 'kubernetes'

const namespaces = { group: '', plural: 'namespaces' }

/** Namespaces that are always there and cannot be deleted. */
const immortal = new Set(['default', 'kube-system', 'kube-public'])

/**
 * Objects are only made in a namespace that is there and not on its way out; servers without the kind Namespace have no such rule.
 *
 * @throws {ApiError} NotFound; Forbidden with the cause NamespaceTerminating
 */
export function requireLiveNamespace(context: Context, kind: Kind, object: KubeObject): void {
  if (isNamespace(kind)) {
    const namespace = object as { spec?: { finalizers?: string[] } }
    namespace.spec ??= {}
    namespace.spec.finalizers ??= [namespaceFinalizer]
    return
  }
  const { namespace = '', name = '' } = object.metadata
  if (!kind.namespaced) return
  const cache = context.registry.cache(namespaces)
  if (!cache) return
  const found = cache.get(namespace)
  if (!found) throw notFound(namespaces, namespace)
  if (!found.object(cache.jsonPrefix).metadata.deletionTimestamp) return
  const because = `namespace ${namespace} is being terminated`
  const error = forbiddenWrite(
    kind,
    name,
    `unable to create new content in namespace ${namespace} because it is being terminated`,
  )
  ;(error.details!.causes ??= []).push({
    reason: 'NamespaceTerminating',
    message: because,
    field: 'metadata.namespace',
  })
  throw error
}

export function isNamespace(kind: Pick<Kind, 'group' | 'plural'>): boolean {
  return kind.group === '' && kind.plural === 'namespaces'
}

/** @throws {ApiError} Forbidden for the namespaces that the cluster itself lives in */
export function requireMortal(kind: Kind, name: string): void {
  if (isNamespace(kind) && immortal.has(name)) throw forbiddenWrite(kind, name, 'this namespace may not be deleted')
}

/** Whether something other than metadata still holds a namespace that is being deleted. */
export function heldBySpec(kind: Kind, object: KubeObject): boolean {
  return isNamespace(kind) && ((object as { spec?: { finalizers?: string[] } }).spec?.finalizers?.length ?? 0) > 0
}
