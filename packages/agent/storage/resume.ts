import type { IncomingHttpHeaders } from 'node:http'
import { Type } from '@thresher/api/type'
import type { Static } from 'typebox'

/**
 * What a server said of a file when its first byte came: `url` as it was asked for; `from`, where redirects led to, without the
 * query, which is often a signature that changes; a strong `etag`; a Last-Modified (`modified`) old enough to tell versions apart;
 * the `total` length that was announced.
 */
export const Origin = Type.Object({
  url: Type.String(),
  from: Type.String(),
  etag: Type.Optional(Type.String()),
  modified: Type.Optional(Type.String()),
  total: Type.Optional(Type.Integer({ minimum: 0 })),
})
export type Origin = Static<typeof Origin>

/** What an earlier call left of a file. */
export interface HeldPart extends Origin {
  bytes: number
}

/** An answer to a request for the rest of a file. */
export interface PartialAnswer {
  status: number
  headers: IncomingHttpHeaders
  /** Where redirects led to. */
  from: string
}

/** Read what vouches for a file from the head of a complete answer. */
export function originOf(url: string, { headers, from }: Omit<PartialAnswer, 'status'>): Origin {
  const { etag } = headers
  const strong = etag !== undefined && /^"[^"]*"$/.test(etag) ? etag : undefined
  const total = lengthOf(headers)
  return {
    url,
    from: withoutQuery(from),
    ...(strong === undefined ? {} : { etag: strong }),
    ...(isStrongDate(headers) ? { modified: headers['last-modified'] } : {}),
    ...(total === undefined ? {} : { total }),
  }
}

/** What to send in If-Range; undefined when nothing vouches for the bytes that are held. */
export function validatorOf({ etag, modified }: Origin): string | undefined {
  return etag ?? modified
}

/**
 * Whether the answer goes on with exactly the bytes that are held: the very next range, of a file of the same length, under the
 * same strong validator. A server that ignores If-Range, a mirror that has another version, or one that no longer says what
 * it has, is not believed.
 *
 * @param checked the whole will be compared with a checksum, which may vouch where no validator does
 * @see RFC 9110 sections 13.1.5, 14.4, 15.3.7.3
 */
export function goesOn(answer: PartialAnswer, held: HeldPart, checked: boolean): boolean {
  if (answer.status !== 206) return false
  const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(answer.headers['content-range'] ?? '')
  if (!range) return false
  const [first, last] = [Number(range[1]), Number(range[2])]
  const total = range[3] === '*' ? undefined : Number(range[3])
  const length = lengthOf(answer.headers)
  if (first !== held.bytes || last < first || (total !== undefined && last >= total)) return false
  if (length !== undefined && length !== last - first + 1) return false
  if (total !== undefined && held.total !== undefined && total !== held.total) return false
  if (withoutQuery(answer.from) !== held.from) return false
  return sameVersion(answer.headers, held, checked)
}

function sameVersion(headers: IncomingHttpHeaders, held: HeldPart, checked: boolean): boolean {
  // What both name must agree, whichever of them was the condition.
  if (held.etag !== undefined && headers.etag !== undefined && headers.etag !== held.etag) return false
  if (
    held.modified !== undefined &&
    headers['last-modified'] !== undefined &&
    headers['last-modified'] !== held.modified
  )
    return false
  if (held.etag !== undefined) return headers.etag === held.etag
  if (held.modified !== undefined) return headers['last-modified'] === held.modified
  return checked
}

/** Whether all that was announced is there already. */
export function isWhole({ bytes, total }: HeldPart): boolean {
  return total !== undefined && bytes === total
}

/** The length of the whole file, as a partial answer tells it. */
export function totalOf({ status, headers }: PartialAnswer): number | undefined {
  if (status !== 206) return lengthOf(headers)
  const total = /\/(\d+)$/.exec(headers['content-range'] ?? '')?.[1]
  return total === undefined ? undefined : Number(total)
}

/** Bytes of this answer's body, where it says so. */
export function lengthOf(headers: IncomingHttpHeaders): number | undefined {
  const length = headers['content-length']
  return length !== undefined && /^\d{1,16}$/.test(length) ? Number(length) : undefined
}

const minuteMs = 60_000

/**
 * A file may change twice within the second that Last-Modified can express: it vouches only when it was old at the answer.
 *
 * @see RFC 9110 section 8.8.2.2
 */
function isStrongDate(headers: IncomingHttpHeaders): boolean {
  const modified = Date.parse(headers['last-modified'] ?? '')
  const date = Date.parse(headers.date ?? '')
  return date - modified >= minuteMs
}

function withoutQuery(url: string): string {
  return url.replace(/[?#].*$/s, '')
}
