import type { FieldError } from '@thresher/api/error'
import type { KubeObject } from '@thresher/api/meta'
import type { KindAddress } from '@thresher/client/paths'

/** A write on its way in, of the API server's shape. */
export interface Request {
  operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT'
  kind: Pick<KindAddress, 'group' | 'plural'>
  subresource: string
  namespace: string
  name: string
  user: { name: string; groups: readonly string[] }
  object?: KubeObject
  oldObject?: KubeObject
}

/** One step of admission, of the API server's shape. */
export interface Step {
  name: string
  mutate?(request: Request): void
  validate?(request: Request): FieldError[] | void
}

/** Reads what is there now, from the server's own caches. */
export interface Lookup {
  get<O extends KubeObject>(type: Pick<KindAddress, 'group' | 'plural'>, namespace: string, name: string): O | undefined
  list<O extends KubeObject>(type: Pick<KindAddress, 'group' | 'plural'>, namespace?: string): Iterable<O>
}

/** Whether a write is of one of these operations on objects of a kind themselves. */
export function concerns(
  request: Request,
  kind: Pick<KindAddress, 'group' | 'plural'>,
  ...operations: Request['operation'][]
): boolean {
  return (
    request.subresource === '' &&
    request.kind.group === kind.group &&
    request.kind.plural === kind.plural &&
    operations.includes(request.operation)
  )
}
