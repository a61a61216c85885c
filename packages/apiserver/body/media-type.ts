import { ApiError } from '@thresher/api/error'

export const jsonType = 'application/json'

/** The media type of a body, in lower case without parameters; JSON when none is given. */
export function mediaType(header: string | string[] | undefined): string {
  const text = Array.isArray(header) ? header[0] : header
  if (!text) return jsonType
  const end = text.indexOf(';')
  return (end < 0 ? text : text.slice(0, end)).trim().toLowerCase()
}

/** Whether a body of this type may be YAML that is not JSON. */
export function isYaml(type: string): boolean {
  return type.endsWith('yaml')
}

/** The media type of a request's body is not among those that can be read here. */
export function unsupported(accepted: readonly string[]): ApiError {
  return new ApiError(
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`,
  )
}
