/** Text is judged by a pattern only up to this length, in UTF-16 units. */
export const maxPatternInput = 65_536
/** The longest pattern that is taken. */
export const maxPatternLength = 4096

/** What tests text against a pattern. */
export interface Pattern {
  test(text: string): boolean
}

/** The pattern of a schema, in the syntax of Go's RE2. @throws {SyntaxError} when it cannot be used */
export function compilePattern(pattern: string): Pattern {
  if (pattern.length > maxPatternLength)
    throw new SyntaxError(`the pattern is longer than ${maxPatternLength} characters`)
  return new RegExp(pattern, 'u')
}
