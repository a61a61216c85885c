/** The reasons that a Status can carry, each with the HTTP code it is sent with. @see Kubernetes `metav1.StatusReason` */
export const reasonCodes = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  AlreadyExists: 409,
  Conflict: 409,
  Expired: 410,
  Gone: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  InternalError: 500,
  NotImplemented: 501,
  ServiceUnavailable: 503,
  Timeout: 504,
  ServerTimeout: 500,
} as const

export type Reason = keyof typeof reasonCodes

/** One field that is wrong: its path (`spec.domain.memory`), what is wrong with it and what to do. */
export interface FieldError {
  field: string
  message: string
  /** The Kubernetes cause; `FieldValueInvalid` unless said. */
  reason?:
    | 'FieldValueRequired'
    | 'FieldValueInvalid'
    | 'FieldValueNotSupported'
    | 'FieldValueForbidden'
    | 'FieldValueDuplicate'
    | 'FieldValueNotFound'
    | 'FieldValueTypeInvalid'
    | 'FieldValueTooLong'
    | 'FieldManagerConflict'
}

/** The error object of the Kubernetes API. */
export interface Status {
  apiVersion: 'v1'
  kind: 'Status'
  metadata: Record<string, unknown>
  status: 'Success' | 'Failure'
  message?: string
  reason?: string
  code: number
  details?: {
    name?: string
    group?: string
    kind?: string
    uid?: string
    causes?: { reason?: string; message: string; field?: string }[]
    retryAfterSeconds?: number
  }
}

/** The one error the wire knows. The message says what to change; causes name the fields. */
export class ApiError extends Error {
  readonly reason: Reason
  readonly code: number
  readonly details: Status['details']

  constructor(
    reason: Reason,
    message: string,
    options: { details?: Status['details']; cause?: unknown; code?: number } = {},
  ) {
    super(message, { cause: options.cause })
    this.name = 'ApiError'
    this.reason = reason
    this.code = options.code ?? reasonCodes[reason]
    this.details = options.details
  }

  /** The form in which it goes over the wire. */
  toStatus(): Status {
    return {
      apiVersion: 'v1',
      kind: 'Status',
      metadata: {},
      status: 'Failure',
      message: this.message,
      reason: this.reason,
      ...(this.details ? { details: this.details } : {}),
      code: this.code,
    }
  }

  /** The error behind a Status that came over the wire. */
  static fromStatus(status: Partial<Status>, httpCode: number): ApiError {
    const reason = (status.reason && status.reason in reasonCodes ? status.reason : 'InternalError') as Reason
    return new ApiError(reason, status.message ?? `the server answered ${httpCode}`, {
      details: status.details,
      code: status.code ?? httpCode,
    })
  }
}

/** Whether `error` is an {@link ApiError} with this reason. */
export function isReason(error: unknown, ...reasons: Reason[]): error is ApiError {
  return error instanceof ApiError && reasons.includes(error.reason)
}
