import { ApiError } from '@thresher/api/error'

/** As Go writes a duration: `30s`, `1m30s`, `500ms`. */
const durationPattern = /^[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/
const integerPattern = /^[+-]?\d+$/

/**
 * The query's `timeout` and `timeoutSeconds` are looked at even where they have no effect: a client that writes one wrong is told so.
 *
 * @throws {ApiError} BadRequest
 */
export function requireTimeouts(query: URLSearchParams): void {
  const timeout = query.get('timeout') ?? ''
  if (timeout !== '' && timeout !== '0' && !durationPattern.test(timeout)) {
    const shown = JSON.stringify(timeout)
    throw new ApiError('BadRequest', `invalid timeout specified in the request URL - time: invalid duration ${shown}`)
  }
  const seconds = query.get('timeoutSeconds') ?? ''
  if (seconds !== '' && !integerPattern.test(seconds)) {
    const shown = JSON.stringify(seconds)
    throw new ApiError('BadRequest', `timeoutSeconds: Invalid value: ${shown}: must be a number of seconds`)
  }
}
