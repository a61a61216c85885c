import type { Kind } from '@thresher/api/kind'

/** What of a kind a client needs to address its objects. */
export type KindAddress = Pick<Kind, 'group' | 'version' | 'kind' | 'plural' | 'namespaced' | 'apiVersion'>

/** Which object, collection or subresource of a kind a path names. */
export interface PathParts {
  namespace?: string
  name?: string
  subresource?: string
}

/** The URL path of a collection, an object or its subresource, each part percent-encoded. Without a namespace: all namespaces. */
export function pathOf(kind: KindAddress, parts: PathParts = {}): string {
  const root = kind.group ? `/apis/${kind.group}/${kind.version}` : `/api/${kind.version}`
  const namespace = kind.namespaced && parts.namespace ? `/namespaces/${encodeURIComponent(parts.namespace)}` : ''
  const name = parts.name === undefined ? '' : `/${encodeURIComponent(parts.name)}`
  const subresource = parts.subresource ? `/${parts.subresource}` : ''
  return `${root}${namespace}/${kind.plural}${name}${subresource}`
}

/** The key of an object among its kind: `namespace/name`, or `name` where there is no namespace. */
export function keyOf(object: { metadata: { namespace?: string; name?: string } }): string {
  const { namespace, name } = object.metadata
  return namespace ? `${namespace}/${name}` : (name ?? '')
}
