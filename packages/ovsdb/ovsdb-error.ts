/**
 * What went wrong: the connection (`Disconnected`, `Closed`), what the peer sent (`Protocol`), or the error string of
 * RFC 7047 §3.1 that the server answered (`constraint violation`, `timed out`, …).
 */
export class OvsdbError extends Error {
  readonly reason: string

  constructor(reason: string, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'OvsdbError'
    this.reason = reason
  }
}

/** The `error` and `details` members of a JSON-RPC answer or of one operation's result. */
export function errorFrom(wire: unknown, context: string): OvsdbError {
  if (typeof wire === 'string') return new OvsdbError(wire, `${context}: ${wire}`)
  const { error, details } = (wire ?? {}) as { error?: unknown; details?: unknown }
  const reason = typeof error === 'string' ? error : 'unknown error'
  return new OvsdbError(reason, `${context}: ${reason}${typeof details === 'string' ? `: ${details}` : ''}`)
}
