import { ApiError } from '@thresher/api/error'
import type { AdmissionRequest } from '../admission.ts'

/** The refusal of a write by an admission step. */
export function refuse(request: Pick<AdmissionRequest, 'kind' | 'name'>, why: string): ApiError {
  const { group, plural } = request.kind
  const resource = group ? `${plural}.${group}` : plural
  return new ApiError('Forbidden', `${resource} ${JSON.stringify(request.name)} is forbidden: ${why}`, {
    details: { name: request.name, ...(group ? { group } : {}), kind: plural },
  })
}

/** Whether the write is of this kind. */
export function isKind(request: Pick<AdmissionRequest, 'kind'>, group: string, plural: string): boolean {
  return request.kind.group === group && request.kind.plural === plural
}
