import { ApiError } from '@thresher/api/error'

/**
 * The paths of keys that stand twice in one object of a JSON text, each once: `spec.bar`, `spec.disks[0].name`.
 *
 * JSON.parse takes the last of them silently; strict field validation refuses them. The text must be valid JSON.
 */
export function duplicateFields(text: string): string[] {
  const found = new Set<string>()
  /** One frame per open object or list: the keys seen, or the index reached. */
  const stack: { path: string; keys?: Set<string>; index: number; key: string }[] = []
  const here = () => {
    const top = stack.at(-1)
    if (!top) return ''
    if (!top.keys) return `${top.path}[${top.index}]`
    return top.path === '' ? top.key : `${top.path}.${top.key}`
  }
  let expectsKey = false
  for (let at = 0; at < text.length; at++) {
    const top = stack.at(-1)
    const sign = text[at]
    if (sign === '"') {
      const end = endOfString(text, at)
      if (expectsKey && top?.keys) {
        top.key = JSON.parse(text.slice(at, end)) as string
        if (top.keys.has(top.key)) found.add(here())
        top.keys.add(top.key)
        expectsKey = false
      }
      at = end - 1
    } else if (sign === '{' || sign === '[') {
      stack.push({ path: here(), keys: sign === '{' ? new Set() : undefined, index: 0, key: '' })
      expectsKey = sign === '{'
    } else if (sign === '}' || sign === ']') stack.pop()
    else if (sign === ',') {
      if (top && !top.keys) top.index++
      expectsKey = top?.keys !== undefined
    }
  }
  return [...found]
}

/** Where a JSON string that opens at `start` ends, its closing quote included. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1)
  while (end >= 0 && isEscaped(text, end)) end = text.indexOf('"', end + 1)
  return end < 0 ? text.length : end + 1
}

function isEscaped(text: string, at: number): boolean {
  let slashes = 0
  while (text[at - 1 - slashes] === '\\') slashes++
  return slashes % 2 === 1
}

/** The lines of a strict decoding: `unknown field "spec.foo"`, `duplicate field "spec.bar"`; also the text of warnings. */
export function decodingProblems(unknown: string[], duplicates: string[]): string[] {
  return [
    ...unknown.map((path) => `unknown field ${JSON.stringify(path)}`),
    ...duplicates.map((path) => `duplicate field ${JSON.stringify(path)}`),
  ]
}

/** The refusal of a body under `fieldValidation=Strict`, in Kubernetes' words. */
export function strictDecodingError(kind: { kind: string; version: string }, problems: string[]): ApiError {
  return new ApiError(
    'BadRequest',
    `${kind.kind} in version ${JSON.stringify(kind.version)} cannot be handled as a ${kind.kind}: strict decoding error: ${problems.join(', ')}`,
  )
}
