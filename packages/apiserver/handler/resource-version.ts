import { ApiError } from '@thresher/api/error'
import type { Context } from './context.ts'

const matches = ['Exact', 'NotOlderThan'] as const
const TOO_LARGE_WAIT_MS = 3000

/** Which state a read asks for. */
export interface WantedVersion {
  /** Undefined for the newest there is, 0 for whatever is at hand. */
  revision?: number
  match?: (typeof matches)[number]
}

/** A resourceVersion as a number. @throws {ApiError} BadRequest */
function readRevision(text: string): number {
  if (/^\d{1,16}$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text)
  throw new ApiError(
    'BadRequest',
    `Invalid value: ${JSON.stringify(text)}: resourceVersion must be a number that this server gave`,
  )
}

/** Read `resourceVersion` and `resourceVersionMatch`. @throws {ApiError} BadRequest, Invalid */
export function readWanted(query: URLSearchParams, listing: boolean): WantedVersion {
  const text = query.get('resourceVersion') ?? ''
  const match = query.get('resourceVersionMatch') ?? ''
  const wanted: WantedVersion = text === '' ? {} : { revision: readRevision(text) }
  if (match === '') return wanted
  if (!listing) throw invalidMatch('Forbidden: resourceVersionMatch is forbidden for this request')
  if (text === '') throw invalidMatch('Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided')
  if (!matches.includes(match as never)) {
    throw invalidMatch(`Unsupported value: ${JSON.stringify(match)}: supported values: "Exact", "NotOlderThan"`)
  }
  if (match === 'Exact' && wanted.revision === 0) {
    throw invalidMatch('Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"')
  }
  return { ...wanted, match: match as (typeof matches)[number] }
}

export function invalidMatch(message: string, field = 'resourceVersionMatch'): ApiError {
  return new ApiError('Invalid', `ListOptions.meta.k8s.io "" is invalid: ${field}: ${message}`, {
    details: { group: 'meta.k8s.io', kind: 'ListOptions', causes: [{ reason: 'FieldValueForbidden', message, field }] },
  })
}

/** Wait until the caches are as new as a read asks. @throws {ApiError} Timeout when the version lies in the future */
export async function awaitVersion(context: Context, { revision }: WantedVersion): Promise<void> {
  if (revision === 0) return
  if (revision === undefined) {
    if (context.store.shared) await context.feed.catchUp()
    return
  }
  if (revision <= context.feed.revision) return
  if (context.store.shared) {
    await Promise.race([context.feed.reach(revision), new Promise((resolve) => setTimeout(resolve, TOO_LARGE_WAIT_MS))])
    if (revision <= context.feed.revision) return
  }
  const current = context.feed.revision
  throw new ApiError('Timeout', `Too large resource version: ${revision}, current: ${current}`, {
    details: {
      causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
      retryAfterSeconds: 1,
    },
  })
}

/** A state so old that it is not kept. */
export function expired(message: string): ApiError {
  return new ApiError('Expired', message)
}
