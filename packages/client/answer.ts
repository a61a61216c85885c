import { ApiError, type Status } from '@thresher/api/error'

/** A query as it follows a path; empty without parameters that have a value. */
export function queryText(query: Record<string, string | undefined> = {}): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, value)
  const text = parameters.toString()
  return text ? `?${text}` : ''
}

/** The error that an answer of 400 and above stands for, from its status code and its body. */
export function errorOf(code: number, text: string): ApiError {
  try {
    const status = JSON.parse(text) as Partial<Status>
    if (status !== null && typeof status === 'object' && status.kind === 'Status')
      return ApiError.fromStatus(status, code)
  } catch {
    // Not from the API server itself, say a proxy's page: the code and the text are all there is.
  }
  return ApiError.fromStatus({ message: text.slice(0, 500) || undefined, reason: reasonFor(code) }, code)
}

function reasonFor(code: number): string {
  const reasons: Record<number, string> = {
    401: 'Unauthorized',
    403: 'Forbidden',
    404: 'NotFound',
    409: 'Conflict',
    410: 'Gone',
    429: 'TooManyRequests',
    503: 'ServiceUnavailable',
    504: 'Timeout',
  }
  return reasons[code] ?? (code < 500 ? 'BadRequest' : 'InternalError')
}

/** One error for everything that can go wrong below HTTP; it says where we tried to reach whom. */
