import { ApiError } from '@thresher/api/error'
import { readBody } from '@thresher/apiserver/handler/body'
import { textAnswer, valueAnswer, type Answer, type ServerRequest } from '@thresher/apiserver/request'
import { stringify } from 'yaml'
import { isKnown, type FacadeCall } from './context.ts'

/** An answer in JSON. */
export function json(status: number, value: unknown, headers: Record<string, string> = {}): Answer {
  return { ...valueAnswer(status, value), headers }
}

/** An answer without a body. */
export function empty(headers: Record<string, string> = {}): Answer {
  return { ...textAnswer(204, ''), headers }
}

/** An error as this API words it, with the Kubernetes reason as its code. */
function errorAnswer(error: ApiError, code: string = error.reason): Answer {
  const field = error.details?.causes?.[0]?.field
  return json(error.code, {
    type: 'error',
    links: {},
    status: error.code,
    code,
    message: error.message,
    ...(field ? { fieldName: field } : {}),
  })
}

/** An error of this API that Kubernetes has no reason for, such as `InvalidAction`. */
export class FacadeError extends ApiError {
  readonly word: string

  constructor(status: number, word: string, message: string) {
    super('BadRequest', message, { code: status })
    this.name = 'FacadeError'
    this.word = word
  }
}

/** Whether the client wants the object as YAML. */
export function wantsYaml({ headers }: Pick<ServerRequest, 'headers'>): boolean {
  return typeof headers.accept === 'string' && /^(application|text)\/(x-)?yaml/.test(headers.accept)
}

/** An object as YAML. */
export function yaml(value: unknown): Answer {
  return textAnswer(200, stringify(value, { aliasDuplicateObjects: false }), 'application/yaml')
}

/** The request's body, from JSON or YAML. @throws {ApiError} BadRequest when it is neither an object nor empty */
export function readObject({ request }: Pick<FacadeCall, 'request'>): Record<string, unknown> {
  if (request.object !== undefined) return structuredClone(request.object) as Record<string, unknown>
  const value = readBody(request) ?? {}
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new ApiError('BadRequest', 'the body must be an object')
}

/** Any failure as an answer; what is no {@link ApiError} is thrown on. */
export function failureAnswer(error: unknown): Answer {
  if (error instanceof FacadeError) return errorAnswer(error, error.word)
  if (!(error instanceof ApiError)) throw error
  const seconds = error.details?.retryAfterSeconds
  const answer = errorAnswer(error)
  return seconds === undefined ? answer : { ...answer, headers: { ...answer.headers, 'retry-after': String(seconds) } }
}

/** Say in the answer whether the caller is known, as browsers' pages look for. */
export function withAuthHeader(answer: Answer, { user }: Pick<FacadeCall, 'user'>): Answer {
  return { ...answer, headers: { 'x-api-cattle-auth': isKnown(user) ? 'true' : 'false', ...answer.headers } }
}
