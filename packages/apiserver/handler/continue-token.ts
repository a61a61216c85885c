import { ApiError } from '@thresher/api/error'

/** Where the next page of a list begins: after `key`, in the state of `revision`; −1 stands for the newest. */
export interface ContinueToken {
  revision: number
  key: string
}

/** As it goes to the client, who only hands it back. */
export function writeToken({ revision, key }: ContinueToken): string {
  return Buffer.from(JSON.stringify({ v: 'thresher/v1', rv: revision, start: key })).toString('base64url')
}

/** @throws {ApiError} BadRequest for a token that is not ours */
export function readToken(text: string): ContinueToken {
  try {
    const { v, rv, start } = JSON.parse(Buffer.from(text, 'base64url').toString()) as Record<string, unknown>
    if (v === 'thresher/v1' && Number.isSafeInteger(rv) && typeof start === 'string')
      return { revision: rv as number, key: start }
  } catch {
    // Falls through to the refusal.
  }
  throw new ApiError('BadRequest', 'continue key is not valid: use the one of the previous page, as it was')
}
