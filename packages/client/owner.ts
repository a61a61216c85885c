import type { KubeObject, OwnerReference } from '@thresher/api/meta'
import type { KindAddress } from './paths.ts'

/** A reference that makes `owner` the controller of an object, which then goes with it. */
export function controllerReference(kind: KindAddress, owner: KubeObject): OwnerReference {
  return { ...ownerReference(kind, owner), controller: true, blockOwnerDeletion: true }
}

/** A reference that makes an object go when `owner` does. */
function ownerReference(kind: KindAddress, owner: KubeObject): OwnerReference {
  const { name, uid } = owner.metadata
  if (!name || !uid) throw new TypeError(`${kind.kind} without name or uid cannot own anything`)
  return { apiVersion: kind.apiVersion, kind: kind.kind, name, uid }
}

/** The one owner that controls an object. */
function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((owner) => owner.controller === true)
}

/** Whether `object` is controlled by exactly this owner (the same uid, not only the same name). */
export function isControlledBy(object: KubeObject, owner: KubeObject): boolean {
  return owner.metadata.uid !== undefined && controllerOf(object)?.uid === owner.metadata.uid
}

/** The key of an object's controller, if that is of the given kind: what a watch on the owned maps to. */
export function controllerKey(object: KubeObject, kind: Pick<KindAddress, 'group' | 'kind' | 'namespaced'>): string[] {
  const owner = controllerOf(object)
  if (!owner || owner.kind !== kind.kind || groupOf(owner.apiVersion) !== kind.group) return []
  return [kind.namespaced && object.metadata.namespace ? `${object.metadata.namespace}/${owner.name}` : owner.name]
}

/** The group of an apiVersion; empty for `v1`. */
export function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf('/')
  return slash < 0 ? '' : apiVersion.slice(0, slash)
}
