import { ApiError } from '@thresher/api/error'
import type { Entry } from '../entry.ts'
import type { Resource } from '../registry.ts'
import type { ResourceCall } from '../request.ts'
import { lowerBound } from '../watch-cache.ts'
import type { Context } from './context.ts'
import { readToken, writeToken } from './continue-token.ts'
import { awaitVersion, expired, invalidMatch, readWanted } from './resource-version.ts'
import { readSelection, scopeOf, type Selection } from './selection.ts'

/** A list before it is put into a form. */
export interface ListResult {
  entries: readonly Entry[]
  resourceVersion: string
  continue?: string
  remainingItemCount?: number
}

const EXPIRED =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.'

/** The objects that a GET of a collection, or a deletecollection, is about. */
export async function listObjects(context: Context, resource: Resource, call: ResourceCall): Promise<ListResult> {
  const { query } = call.request
  const selection = readSelection(resource, call)
  const limit = readLimit(query.get('limit'))
  const text = query.get('continue')
  const token = text ? readToken(text) : undefined
  if (token && !['', '0', null].includes(query.get('resourceVersion'))) {
    throw new ApiError('BadRequest', 'specifying resource version is not allowed when using continue')
  }
  if (token && query.get('resourceVersionMatch')) {
    throw invalidMatch('Forbidden: resourceVersionMatch is forbidden when continue is provided')
  }
  const wanted = token ? (token.revision > 0 ? { revision: token.revision } : {}) : readWanted(query, true)
  await awaitVersion(context, wanted)
  const exact = token ? token.revision > 0 : wanted.match === 'Exact'
  const { entries, revision } = stateFor(context, resource, exact ? wanted.revision : undefined, token?.key)
  return page(entries, selection, { limit, after: token?.key, revision })
}

function readLimit(text: string | null): number {
  if (text === null || text === '') return 0
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= 0) return value
  throw new ApiError(
    'BadRequest',
    `limit: Invalid value: ${JSON.stringify(text)}: must be a number of objects, 0 or above`,
  )
}

function stateFor(
  context: Context,
  { cache }: Resource,
  exact: number | undefined,
  after: string | undefined,
): { entries: readonly Entry[]; revision: number } {
  if (exact === undefined) return { entries: cache.entries(), revision: context.feed.revision }
  const entries = cache.entriesAt(exact)
  if (entries) return { entries, revision: exact }
  if (after === undefined) throw expired(`The resourceVersion for the provided list is too old.`)
  const error = expired(EXPIRED)
  // Clients read the token for an inconsistent rest of the list from the Status' metadata.
  const again = writeToken({ revision: -1, key: after })
  throw Object.assign(error, {
    toStatus: () => ({ ...ApiError.prototype.toStatus.call(error), metadata: { continue: again } }),
  })
}

function page(
  entries: readonly Entry[],
  selection: Selection,
  { limit, after, revision }: { limit: number; after?: string; revision: number },
): ListResult {
  const resourceVersion = String(revision)
  const [start, to] = scopeOf(entries, selection)
  let from = start
  if (after !== undefined) {
    from = Math.max(from, lowerBound(entries, after))
    if (entries[from]?.key === after) from += 1
  }
  const { matches } = selection
  if (!matches && limit === 0) {
    return { entries: from === 0 && to === entries.length ? entries : entries.slice(from, to), resourceVersion }
  }
  const found: Entry[] = []
  let index = from
  for (; index < to && (limit === 0 || found.length < limit); index += 1) {
    const entry = entries[index]!
    if (!matches || matches(entry)) found.push(entry)
  }
  const more = index < to && (!matches || hasMore(entries, index, to, matches))
  if (!more) return { entries: found, resourceVersion }
  return {
    entries: found,
    resourceVersion,
    continue: writeToken({ revision, key: found.at(-1)!.key }),
    // With a selector the rest is not counted, as in Kubernetes.
    ...(matches ? {} : { remainingItemCount: to - index }),
  }
}

function hasMore(entries: readonly Entry[], from: number, to: number, matches: (entry: Entry) => boolean): boolean {
  for (let index = from; index < to; index += 1) if (matches(entries[index]!)) return true
  return false
}
