import { ApiError } from '@thresher/api/error'
import type { Attributes } from '../user.ts'

/** The refusal of a request, in the words that Kubernetes' clients know. */
export function forbidden(attributes: Attributes, reason?: string): ApiError {
  return new ApiError('Forbidden', forbiddenMessage(attributes, reason), {
    details: attributes.resourceRequest
      ? {
          ...(attributes.name ? { name: attributes.name } : {}),
          ...(attributes.group ? { group: attributes.group } : {}),
          kind: attributes.resource,
        }
      : {},
  })
}

function forbiddenMessage(attributes: Attributes, reason?: string): string {
  const user = JSON.stringify(attributes.user.name)
  const why = reason ? `: ${reason}` : ''
  if (!attributes.resourceRequest)
    return `forbidden: User ${user} cannot ${attributes.verb} path ${JSON.stringify(attributes.path)}${why}`
  const resource = attributes.subresource ? `${attributes.resource}/${attributes.subresource}` : attributes.resource
  const subject = attributes.group ? `${attributes.resource}.${attributes.group}` : attributes.resource
  const name = attributes.name ? ` ${JSON.stringify(attributes.name)}` : ''
  const place = attributes.namespace
    ? ` in the namespace ${JSON.stringify(attributes.namespace)}`
    : ' at the cluster scope'
  return `${subject}${name} is forbidden: User ${user} cannot ${attributes.verb} resource ${JSON.stringify(resource)} in API group ${JSON.stringify(attributes.group)}${place}${why}`
}
