import { ObjectError, type ObjectReason } from './object-store.ts'

/** S3's own codes, and what to do about them. @see https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
const known: [code: string, reason: ObjectReason, remedy: string][] = [
  ['NoSuchBucket', 'Missing', 'there is no such bucket; create it, or correct its name or region'],
  ['InvalidAccessKeyId', 'Denied', 'it does not know the access key; correct it'],
  ['SignatureDoesNotMatch', 'Denied', 'the secret key is not that of the access key; correct it'],
  ['RequestTimeTooSkewed', 'Denied', 'its clock and this host’s differ by minutes; set them right'],
  ['AuthorizationHeaderMalformed', 'Denied', 'it is in another region; correct the region'],
  ['PermanentRedirect', 'Missing', 'it is at another endpoint; correct the endpoint or the region'],
  ['AccessDenied', 'Denied', 'the access key may not do this; give it read, write, list and delete'],
  ['QuotaExceeded', 'Full', 'its quota is used up; raise it, or delete backups and prune'],
  ['XMinioStorageFull', 'Full', 'it has no room; make room, or delete backups and prune'],
]

/** What a refusal means. @param text the answer's body, XML or not */
export function refusalOf(target: string, status: number, text: string): ObjectError {
  for (const [code, reason, remedy] of known)
    if (text.includes(code)) return new ObjectError(reason, `${target}: ${remedy}`)
  if (status === 507)
    return new ObjectError('Full', `${target}: it has no room; make room, or delete backups and prune`)
  if (status === 401 || status === 403)
    return new ObjectError('Denied', `${target}: the access key may not do this; give it read, write, list and delete`)
  if (status >= 500 || status === 429)
    return new ObjectError('Unreachable', `${target}: it answers with status ${status}; it may be overloaded`)
  return new ObjectError('Failed', `${target}: it answers with status ${status}; check that the endpoint is one of S3`)
}

/** What an error of the connection means. */
export function unreachable(target: string, error: unknown): ObjectError {
  const { code = '', message } = error as NodeJS.ErrnoException
  if (/CERT|SELF_SIGNED|UNABLE_TO|ALTNAME|ERR_TLS/.test(code))
    return new ObjectError('NotTrusted', `${target}: its certificate is not trusted (${code}); give its CA as cert`, {
      cause: error,
    })
  const words: Record<string, string> = {
    ENOTFOUND: 'its name cannot be resolved',
    EAI_AGAIN: 'its name cannot be resolved now',
    ECONNREFUSED: 'nothing listens there',
    ECONNRESET: 'it broke the connection off',
    EPROTO: 'it does not speak TLS; use http:// if that is meant',
  }
  return new ObjectError('Unreachable', `${target}: ${words[code] ?? message}`, { cause: error })
}
