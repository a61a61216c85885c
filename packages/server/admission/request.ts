import type { KubeObject } from '@thresher/api/meta'
import type { AdmissionRequest } from '@thresher/apiserver/admission'
import type { KindAddress } from '@thresher/client/paths'

/** Reads what is there now, from the server's own caches. */
export interface Lookup {
  get<O extends KubeObject>(type: Pick<KindAddress, 'group' | 'plural'>, namespace: string, name: string): O | undefined
  list<O extends KubeObject>(type: Pick<KindAddress, 'group' | 'plural'>, namespace?: string): Iterable<O>
}

/** Whether a write is of one of these operations on objects of a kind themselves. */
export function concerns(
  request: AdmissionRequest,
  kind: Pick<KindAddress, 'group' | 'plural'>,
  ...operations: AdmissionRequest['operation'][]
): boolean {
  return (
    request.subresource === '' &&
    request.kind.group === kind.group &&
    request.kind.plural === kind.plural &&
    operations.includes(request.operation)
  )
}
