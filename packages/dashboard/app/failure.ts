import { ApiError, type Reason } from '@thresher/api/error'
import type { Texts, TextKey } from '../text/text.ts'

/** A failure as the user reads it: one sentence, and what concerns single fields. */
export interface Failure {
  title: string
  detail?: string
  fields: Record<string, string>
}

/** Each reason in plain words; `says` where the server's own sentence adds to them. */
const titles: Partial<Record<Reason, { title: TextKey; says: boolean }>> = {
  Unauthorized: { title: 'failureSession', says: false },
  Forbidden: { title: 'failureForbidden', says: true },
  NotFound: { title: 'failureNotFound', says: true },
  AlreadyExists: { title: 'failureExists', says: false },
  Conflict: { title: 'failureConflict', says: true },
  Invalid: { title: 'failureInvalid', says: true },
  BadRequest: { title: 'failureInvalid', says: true },
  ServiceUnavailable: { title: 'failureUnreachable', says: false },
  Timeout: { title: 'failureUnreachable', says: false },
  TooManyRequests: { title: 'failureTooMany', says: true },
}

/** What a failure says, in plain words of the user's language; the server's own sentence follows where it says more. */
export function failureOf(error: unknown, texts: Texts): Failure {
  if (!(error instanceof ApiError)) return { title: texts.t('failureUnexpected'), detail: String(error), fields: {} }
  const fields: Record<string, string> = {}
  for (const { field, message } of error.details?.causes ?? []) if (field) fields[field] = message
  const known = titles[error.reason]
  const says = Object.keys(fields).length === 0 && (known?.says ?? true)
  return { title: texts.t(known?.title ?? 'failureUnexpected'), ...(says ? { detail: error.message } : {}), fields }
}
