import { ApiError } from '@thresher/api/error'
import type { Attributes, User } from '../../user.ts'

/** `spec.resourceAttributes` of an access review. */
export interface ResourceAttributes {
  namespace?: string
  verb?: string
  group?: string
  version?: string
  resource?: string
  subresource?: string
  name?: string
}

/** The question that an access review asks. */
export interface AccessQuestion {
  resourceAttributes?: ResourceAttributes | null
  nonResourceAttributes?: { path?: string; verb?: string } | null
}

/** @throws {ApiError} Invalid unless exactly one of the two questions is asked */
export function toAttributes(user: User, question: AccessQuestion, kind: string): Attributes {
  const { resourceAttributes: resource, nonResourceAttributes: path } = question
  if ((resource ? 1 : 0) + (path ? 1 : 0) !== 1)
    throw new ApiError(
      'Invalid',
      `${kind}.authorization.k8s.io "" is invalid: spec.resourceAttributes: Invalid value: exactly one of nonResourceAttributes or resourceAttributes must be specified`,
      { details: { group: 'authorization.k8s.io', kind } },
    )
  const text = (value: string | undefined) => (typeof value === 'string' ? value : '')
  return {
    user,
    verb: text(resource ? resource.verb : path?.verb),
    resourceRequest: Boolean(resource),
    path: text(path?.path),
    group: text(resource?.group),
    version: text(resource?.version),
    resource: text(resource?.resource),
    subresource: text(resource?.subresource),
    namespace: text(resource?.namespace),
    name: text(resource?.name),
    fieldSelector: '',
  }
}
