/** What the codes of the system and of TLS mean, to who reads a condition. @see errno(3) */
const meanings: Record<string, string> = {
  ECONNREFUSED: 'the connection was refused: nothing listens there',
  ECONNRESET: 'the connection was cut',
  EPIPE: 'the connection was cut',
  ENOTFOUND: 'the name is not known to the name server',
  EAI_AGAIN: 'the name server does not answer',
  ETIMEDOUT: 'no answer came in time',
  EHOSTUNREACH: 'there is no way to that host',
  ENETUNREACH: 'there is no way to that network',
  ENOENT: 'a file or program is missing',
  EACCES: 'the rights do not suffice',
  EPERM: 'the rights do not suffice',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EIO: 'the disk reports an error',
  EROFS: 'the file system is read-only',
  EMFILE: 'too many files are open',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet: compare the clocks',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by itself, not by a known authority',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is signed by an authority that is not known here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is signed by an authority that is not known here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is signed by an authority that is not known here',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
  ERR_ENCODING_INVALID_ENCODED_DATA: 'a text in it is not UTF-8',
  EPROTO: 'it does not speak TLS as it should',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS',
}

/** As Node makes it where a call of the system or of a library failed. */
type SystemError = Error & { code?: string; path?: string }

/**
 * Why something failed, as a part of a sentence for people: what the runtime, the system or TLS says is put into words, what a
 * program of ours says stays as it is.
 */
export function failureWords(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return failureWords(error.errors[0])
  if (!(error instanceof Error)) return String(error)
  if (error.name === 'TimeoutError') return 'no answer came in time'
  if (error.name === 'AbortError') return 'it was stopped before it was done'
  const { code, path } = error as SystemError
  const meaning = code === undefined ? undefined : meaningOf(code)
  if (meaning) return path ? `${meaning} (${path})` : meaning
  if (error instanceof SyntaxError) return 'what came is not in the expected format'
  if (error instanceof TypeError || error instanceof ReferenceError)
    return 'a fault of the program, which its log describes'
  const { cause, message } = error
  // What is ours may end in what another said.
  if (cause instanceof Error && cause.message && message.includes(cause.message))
    return message.replace(cause.message, failureWords(cause))
  return message || error.name
}

function meaningOf(code: string): string | undefined {
  if (meanings[code]) return meanings[code]
  if (code.startsWith('ERR_SSL_') || code.startsWith('ERR_OSSL_')) return 'no TLS connection came about with it'
  if (code.startsWith('HPE_')) return 'it does not speak HTTP'
  return undefined
}
