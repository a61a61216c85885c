import type { KubeObject } from './meta.ts'

/**
 * Texts of a runtime, a library or a parser that mean nothing to who reads a condition or an event. Each stands for a failure that is
 * to be put into words where it is reported.
 */
const bare: readonly RegExp[] = [
  /\boperation (was|is) aborted\b/i,
  /\baborted due to timeout\b/i,
  /:\s*:/,
  /:\s*$/,
  /^\s*$/,
  /:[a-z ]*routines:/i,
  /\b(node_modules|openssl|deps)\/\S+\.[cm]?[jt]?s?\b/i,
  /\bERR_[A-Z_]+\b/,
  /\bE(CONN[A-Z]+|NOTFOUND|AI_AGAIN|TIMEDOUT|HOSTUNREACH|NETUNREACH|NOENT|ACCES|PIPE|NOSPC|PERM)\b/,
  /\b(SQLITE_[A-Z]+|database is locked|disk I\/O error)\b/,
  /\bUnexpected (token|end of JSON|non-whitespace)\b/,
  /\bis not valid JSON\b.*\{/,
  /\bCannot read propert(y|ies) of\b/,
  /\bis not a function\b/,
  /\[object \w+\]/,
  /^\s*\{"/,
  /\bat \S+ \(?(file:|\/)\S+:\d+:\d+/,
  /\b(undefined|NaN)\b/,
]

/** Whether a text is one that a runtime made for programmers. */
export function isBare(text: string): boolean {
  return bare.some((each) => each.test(text))
}

/** What of an object its user reads as a sentence: the message of an event, those of failing conditions. */
export function sentencesOf(object: KubeObject & { message?: unknown; status?: unknown }): string[] {
  const { message, status } = object
  if (object.kind === 'Event') return typeof message === 'string' ? [message] : []
  const conditions = (status as { conditions?: { message?: string; status?: string }[] } | undefined)?.conditions
  return (Array.isArray(conditions) ? conditions : []).flatMap((each) => (each.message ? [each.message] : []))
}

/** The bare texts that an object shows to its user, with the object's name. For tests of what is reported under faults. */
export function bareWordsOf(object: KubeObject): string[] {
  const { kind, metadata } = object
  return sentencesOf(object)
    .filter(isBare)
    .map((text) => `${kind ?? ''} ${metadata.name}: ${text}`)
}
