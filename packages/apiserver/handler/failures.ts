import { ApiError, type FieldError, type Status } from '@thresher/api/error'
import type { Kind } from '@thresher/api/kind'

type Named = Pick<Kind, 'group' | 'plural'>

/** `deployments.apps`, or `pods` in the core group. */
function qualified({ group, plural }: Named): string {
  return group ? `${plural}.${group}` : plural
}

function details({ group, plural }: Named, name: string): NonNullable<Status['details']> {
  return { name, ...(group ? { group } : {}), kind: plural }
}

/** The sentences of these errors are those that clients match and people know from kube-apiserver. */
export function notFound(kind: Named, name: string): ApiError {
  return new ApiError('NotFound', `${qualified(kind)} "${name}" not found`, { details: details(kind, name) })
}

export function alreadyExists(kind: Named, name: string): ApiError {
  return new ApiError('AlreadyExists', `${qualified(kind)} "${name}" already exists`, { details: details(kind, name) })
}

export function conflict(kind: Named, name: string, why: string): ApiError {
  return new ApiError('Conflict', `Operation cannot be fulfilled on ${qualified(kind)} "${name}": ${why}`, {
    details: details(kind, name),
  })
}

/** The object is there, and neither to be read nor to be written over. */
export function unreadable(kind: Named, name: string, cause: Error): ApiError {
  const remedy = 'bring back the encryption key or the store from a backup and restart the server'
  return new ApiError('InternalError', `${qualified(kind)} "${name}" cannot be read: ${cause.message}; ${remedy}`, {
    cause,
    details: details(kind, name),
  })
}

/** The object was changed since the caller read it. */
export function modified(kind: Named, name: string): ApiError {
  return conflict(
    kind,
    name,
    'the object has been modified; please apply your changes to the latest version and try again',
  )
}

export function forbiddenWrite(kind: Named, name: string, why: string, causes?: FieldError[]): ApiError {
  return new ApiError('Forbidden', `${qualified(kind)} "${name}" is forbidden: ${why}`, {
    details: { ...details(kind, name), ...(causes ? { causes: causes.map(toCause) } : {}) },
  })
}

/** No such path, group, version or kind. */
export function noSuchResource(): ApiError {
  return new ApiError('NotFound', 'the server could not find the requested resource', { details: {} })
}

export function methodNotAllowed(): ApiError {
  return new ApiError('MethodNotAllowed', 'the server does not allow this method on the requested resource', {
    details: {},
  })
}

const prefixes = {
  FieldValueRequired: 'Required value',
  FieldValueInvalid: 'Invalid value',
  FieldValueNotSupported: 'Unsupported value',
  FieldValueForbidden: 'Forbidden',
  FieldValueDuplicate: 'Duplicate value',
  FieldValueNotFound: 'Not found',
  FieldValueTypeInvalid: 'Invalid value',
  FieldValueTooLong: 'Too long',
  FieldManagerConflict: 'Conflict',
} as const

function toCause({ field, message, reason = 'FieldValueInvalid' }: FieldError) {
  const prefix = prefixes[reason]
  return { reason, message: message.startsWith(prefix) ? message : `${prefix}: ${message}`, field }
}

/** Fields of an object are wrong: 422 with a cause for each. */
export function invalid(kind: Pick<Kind, 'group' | 'kind'>, name: string, errors: FieldError[]): ApiError {
  const causes = errors.map(toCause)
  const texts = causes.map((cause) => (cause.field ? `${cause.field}: ${cause.message}` : cause.message))
  const subject = `${kind.group ? `${kind.kind}.${kind.group}` : kind.kind} ${JSON.stringify(name)}`
  return new ApiError('Invalid', `${subject} is invalid: ${texts.length === 1 ? texts[0]! : `[${texts.join(', ')}]`}`, {
    details: { name, ...(kind.group ? { group: kind.group } : {}), kind: kind.kind, causes },
  })
}

/** A query parameter cannot be read. */
export function badQuery(message: string): ApiError {
  return new ApiError('BadRequest', message)
}
