/** What a compiled path finds in a value: nothing, one value or several. */
export type JsonPath = (value: unknown) => unknown[]

type Step = (found: unknown[]) => unknown[]

const maxLength = 1024

/**
 * Compile a JSONPath of the subset that printer columns, selectable fields and scale paths use:
 * `.spec.name`, `.a['b.c']`, `.a\.b`, `.list[0]`, `.list[-1]`, `.list[1:3]`, `.list[*].name`,
 * `.status.conditions[?(@.type=="Ready")].status`, `..name`, each with or without braces around.
 *
 * @throws {SyntaxError} when it is not of that form; the message says where
 * @see https://kubernetes.io/docs/reference/kubectl/jsonpath/
 */
export function compileJsonPath(path: string): JsonPath {
  if (path.length > maxLength) throw new SyntaxError(`the JSONPath is longer than ${maxLength} characters`)
  const text = path.startsWith('{') && path.endsWith('}') ? path.slice(1, -1) : path
  const steps: Step[] = []
  let at = text.startsWith('$') ? 1 : 0
  while (at < text.length) {
    const [step, end] = text[at] === '[' ? readBracket(text, at) : readDot(text, at)
    steps.push(step)
    at = end
  }
  return (value) => {
    let found = [value]
    for (const step of steps) {
      found = step(found)
      if (found.length === 0) break
    }
    return found
  }
}

function readDot(text: string, at: number): [Step, number] {
  if (text[at] !== '.') throw new SyntaxError(`JSONPath ${text}: a dot or bracket is expected at position ${at}`)
  if (text.startsWith('..', at)) {
    const [name, end] = readName(text, at + 2)
    const pick = name === '*' ? everyChild : field(name)
    return [(found) => pick(found.flatMap(descendants)), end]
  }
  if (text[at + 1] === '[' || at + 1 === text.length) return [(found) => found, at + 1]
  const [name, end] = readName(text, at + 1)
  return [name === '*' ? everyChild : field(name), end]
}

function readName(text: string, start: number): [string, number] {
  let name = ''
  let at = start
  for (; at < text.length && text[at] !== '.' && text[at] !== '['; at++) {
    if (text[at] === '\\') at++
    name += text[at] ?? ''
  }
  if (name === '') throw new SyntaxError(`JSONPath ${text}: a field name is expected at position ${start}`)
  return [name, at]
}

function field(name: string): Step {
  return (found) => found.flatMap((value) => (isRecord(value) && Object.hasOwn(value, name) ? [value[name]] : []))
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function everyChild(found: unknown[]): unknown[] {
  return found.flatMap((value) => {
    if (Array.isArray(value)) return value as unknown[]
    return isRecord(value) ? Object.values(value) : []
  })
}

function descendants(value: unknown): unknown[] {
  return [value, ...everyChild([value]).flatMap(descendants)]
}

function readBracket(text: string, at: number): [Step, number] {
  const end = closing(text, at)
  const inside = text.slice(at + 1, end).trim()
  return [bracketStep(inside, text), end + 1]
}

/** The bracket that closes the one at `start`, past quoted text and inner brackets. */
function closing(text: string, start: number): number {
  let depth = 0
  let quote = ''
  for (let at = start; at < text.length; at++) {
    const sign = text[at]!
    if (quote) {
      if (sign === '\\') at++
      else if (sign === quote) quote = ''
    } else if (sign === '"' || sign === "'") quote = sign
    else if (sign === '[') depth++
    else if (sign === ']' && --depth === 0) return at
  }
  throw new SyntaxError(`JSONPath ${text}: the bracket at position ${start} is not closed`)
}

function bracketStep(inside: string, text: string): Step {
  if (inside === '*') return everyChild
  const quoted = /^(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")$/.exec(inside)
  if (quoted) return field((quoted[1] ?? quoted[2] ?? '').replace(/\\(.)/g, '$1'))
  if (/^-?\d{1,9}$/.test(inside)) {
    const index = Number(inside)
    return (found) =>
      found.flatMap((value) => {
        const item: unknown = Array.isArray(value) ? value.at(index) : undefined
        return item === undefined ? [] : [item]
      })
  }
  const slice = /^(-?\d{0,9}):(-?\d{0,9})$/.exec(inside)
  if (slice) {
    const [from, to] = [slice[1], slice[2]].map((part) => (part ? Number(part) : undefined))
    return (found) => found.flatMap((value) => (Array.isArray(value) ? value.slice(from, to) : []))
  }
  const filter = /^\?\s*\((.*)\)$/s.exec(inside)
  if (filter) {
    const test = compileFilter(filter[1]!.trim(), text)
    return (found) => everyChild(found).filter(test)
  }
  throw new SyntaxError(`JSONPath ${text}: [${inside}] is not understood`)
}

const comparison = /^(.+?)\s*(==|!=|<=|>=|<|>)\s*(.+)$/s

function compileFilter(text: string, whole: string): (value: unknown) => boolean {
  const [, left, operator, right] = comparison.exec(text) ?? []
  if (!left || !operator || !right) {
    const exists = operand(text, whole)
    return (value) => exists(value).length > 0
  }
  const [a, b] = [operand(left, whole), operand(right, whole)]
  return (value) => {
    const [x] = a(value)
    const [y] = b(value)
    if (x === undefined || y === undefined) return false
    return compare(x, y, operator)
  }
}

function operand(text: string, whole: string): JsonPath {
  if (text.startsWith('@')) return text === '@' ? (value) => [value] : compileJsonPath(text.slice(1))
  const quoted = /^(?:'(.*)'|"(.*)")$/s.exec(text)
  if (quoted) {
    const literal = quoted[1] ?? quoted[2] ?? ''
    return () => [literal]
  }
  if (text === 'true' || text === 'false') return () => [text === 'true']
  const number = Number(text)
  if (text !== '' && Number.isFinite(number)) return () => [number]
  throw new SyntaxError(`JSONPath ${whole}: ${text} is neither @ with a path, a number, nor text in quotes`)
}

function compare(x: unknown, y: unknown, operator: string): boolean {
  if (operator === '==') return x === y
  if (operator === '!=') return x !== y
  if (typeof x !== typeof y || (typeof x !== 'string' && typeof x !== 'number')) return false
  const [a, b] = [x, y as string | number]
  if (operator === '<') return a < b
  if (operator === '<=') return a <= b
  return operator === '>' ? a > b : a >= b
}
