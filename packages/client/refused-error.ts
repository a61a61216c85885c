import { ApiError, isReason, type Reason } from '@thresher/api/error'

/** What the API refused, as the condition and the event of an object say it. */
export interface Refusal {
  reason: 'FailedCreate' | 'FailedUpdate'
  /** The API's own sentence. */
  message: string
}

/** Answers that mean: not this object, not now; neither a race nor a fault of the server. */
const refusing: Reason[] = ['Forbidden', 'Invalid', 'BadRequest', 'RequestEntityTooLarge']

/** The API refused to make or change an object: by a quota, a rule or a policy. */
export class RefusedError extends ApiError {
  readonly refusal: Refusal

  constructor(reason: Refusal['reason'], cause: ApiError) {
    super(cause.reason, cause.message, { details: cause.details, code: cause.code, cause })
    this.name = 'RefusedError'
    this.refusal = { reason, message: cause.message }
  }
}

/** What a write gives; its refusal by the API as a {@link RefusedError}. */
export async function orRefused<T>(reason: Refusal['reason'], write: Promise<T>): Promise<T> {
  try {
    return await write
  } catch (error) {
    throw isReason(error, ...refusing) ? new RefusedError(reason, error) : error
  }
}
