import { ApiError } from '@thresher/api/error'
import type { Kind } from '@thresher/api/kind'
import type { KubeObject } from '@thresher/api/meta'
import type { FacadeCall } from './context.ts'
import { findKind, kubernetesPath } from './schema-names.ts'

/** What a path names: a collection, or one object, and what follows it. */
export interface Target {
  kind: Kind
  namespace: string
  name: string
  link: string
}

/** @throws {ApiError} NotFound for a path that names no kind */
export function findTarget({ parts, path }: FacadeCall): Target {
  const [type = '', first = '', second = '', third = '', ...more] = path
  const kind = findKind(parts.server().registry, type)
  if (!kind || more.length > 0 || (!kind.namespaced && third))
    throw new ApiError('NotFound', `there is nothing at ${JSON.stringify(path.join('/'))}`)
  return kind.namespaced
    ? { kind, namespace: first, name: second, link: third }
    : { kind, namespace: '', name: first, link: second }
}

/** The object that a path names. @throws {ApiError} NotFound */
export function read(call: FacadeCall, { kind, namespace, name }: Target): Promise<KubeObject> {
  return call.api.request<KubeObject>({
    method: 'GET',
    path: kubernetesPath(kind, namespace, name),
    signal: call.request.signal,
  })
}
