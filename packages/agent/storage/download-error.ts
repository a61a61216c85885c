/** Why a download did not come to its end. All but `BadUrl` and `Closed` may go better the next time. */
export type DownloadReason =
  | 'BadUrl'
  | 'Closed'
  | 'HttpStatus'
  | 'Unreachable'
  | 'Stalled'
  | 'TooSlow'
  | 'Cut'
  | 'NoSpace'
  | 'MadeWay'

/** The one error of downloads; the message names the URL. */
export class DownloadError extends Error {
  readonly reason: DownloadReason

  constructor(reason: DownloadReason, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'DownloadError'
    this.reason = reason
  }
}

/** The address without what may be secret in it: user, password and query. */
export function shownUrl(url: string): string {
  const parsed = new URL(url)
  parsed.username = ''
  parsed.password = ''
  parsed.search = ''
  return parsed.href
}
