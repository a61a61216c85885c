import { ApiError } from '@thresher/api/error'
import type { LabelSelector } from '@thresher/api/meta'
import { requireFew } from './terms.ts'

/** The labels of an object. */
export type Labels = Record<string, string>
/** Whether an object with these labels is chosen. */
export type LabelPredicate = (labels: Labels) => boolean

/** One condition on one label. */
export interface Requirement {
  key: string
  operator: '=' | 'in' | 'notin' | 'exists' | '!' | 'gt' | 'lt'
  values: string[]
}

const namePart = /^(?:[A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]$/
const prefixPart = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/
const tokens = /\s*(!=|==|=|!|>|<|\(|\)|,|[^\s!=<>(),]+)\s*/y

/**
 * The predicate of a label selector in text: `app=web,tier in (a, b),env!=prod,!old,new`.
 *
 * @throws {ApiError} BadRequest when it is no selector
 * @see https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
 */
export function parseLabelSelector(text: string): LabelPredicate {
  return allOf(parseRequirements(text))
}

/** The conditions of a label selector in text. @throws {ApiError} BadRequest */
export function parseRequirements(text: string): Requirement[] {
  const words = tokenize(text)
  const requirements: Requirement[] = []
  let at = 0
  const fail = (expected: string) =>
    new ApiError('BadRequest', `unable to parse requirement: found '${words[at] ?? ''}', expected: ${expected}`)
  while (at < words.length) {
    const [requirement, next] = readRequirement(words, at)
    requirements.push(requirement)
    requireFew(requirements.length)
    at = next
    if (at < words.length) {
      if (words[at] !== ',') throw fail("',' or 'end of string'")
      at++
      if (at === words.length) throw fail('identifier after ,')
    }
  }
  return requirements
}

function tokenize(text: string): string[] {
  const words: string[] = []
  tokens.lastIndex = 0
  const rest = text.trim()
  let at = 0
  while (at < rest.length) {
    tokens.lastIndex = at
    const match = tokens.exec(rest)
    if (!match) throw new ApiError('BadRequest', `unable to parse requirement: found '${rest.slice(at, at + 20)}'`)
    words.push(match[1]!)
    at = tokens.lastIndex
  }
  return words
}

function readRequirement(words: string[], start: number): [Requirement, number] {
  const negated = words[start] === '!'
  const at = negated ? start + 1 : start
  const key = readKey(words[at])
  const next = words[at + 1]
  if (negated || next === undefined || next === ',')
    return [{ key, operator: negated ? '!' : 'exists', values: [] }, at + 1]
  switch (next) {
    case '=':
    case '==':
    case '!=': {
      const [value, end] = readValue(words, at + 2)
      checkValue(key, value)
      return [{ key, operator: next === '!=' ? 'notin' : '=', values: [value] }, end]
    }
    case '>':
    case '<': {
      const [value, end] = readValue(words, at + 2)
      if (!/^-?\d{1,18}$/.test(value))
        throw refuse(key, value, "for 'Gt', 'Lt' operators, the value must be an integer")
      return [{ key, operator: next === '>' ? 'gt' : 'lt', values: [value] }, end]
    }
    case 'in':
    case 'notin': {
      const [values, end] = readSet(words, at + 2)
      for (const value of values) checkValue(key, value)
      return [{ key, operator: next, values }, end]
    }
    default:
      throw new ApiError(
        'BadRequest',
        `unable to parse requirement: found '${next}', expected: in, notin, =, ==, !=, gt, lt`,
      )
  }
}

const signs = new Set(['!=', '==', '=', '!', '>', '<', '(', ')', ','])

function readKey(word: string | undefined): string {
  if (word === undefined || signs.has(word))
    throw new ApiError(
      'BadRequest',
      `unable to parse requirement: found '${word ?? ''}', expected: !, identifier, or 'end of string'`,
    )
  const problem = labelKeyProblem(word)
  if (problem)
    throw new ApiError(
      'BadRequest',
      `unable to parse requirement: <nil>: Invalid value: ${JSON.stringify(word)}: ${problem}`,
    )
  return word
}

function readValue(words: string[], at: number): [string, number] {
  const word = words[at]
  if (word === undefined || word === ',') return ['', at]
  if (signs.has(word))
    throw new ApiError('BadRequest', `unable to parse requirement: found '${word}', expected: identifier`)
  return [word, at + 1]
}

function readSet(words: string[], start: number): [string[], number] {
  if (words[start] !== '(')
    throw new ApiError('BadRequest', `unable to parse requirement: found '${words[start] ?? ''}', expected: '('`)
  const values: string[] = []
  let at = start + 1
  for (;;) {
    const word = words[at]
    if (word === ')') {
      values.push('')
      return [values, at + 1]
    }
    if (word === ',') {
      values.push('')
      at++
      continue
    }
    if (word === undefined || signs.has(word))
      throw new ApiError(
        'BadRequest',
        `unable to parse requirement: found '${word ?? ''}', expected: ',', or identifier`,
      )
    values.push(word)
    at++
    if (words[at] === ')') return [values, at + 1]
    if (words[at] !== ',')
      throw new ApiError('BadRequest', `unable to parse requirement: found '${words[at] ?? ''}', expected: ',' or ')'`)
    at++
  }
}

/** What is wrong with a label's key; undefined when nothing is. */
function labelKeyProblem(key: string): string | undefined {
  const slash = key.indexOf('/')
  const prefix = slash < 0 ? undefined : key.slice(0, slash)
  const name = key.slice(slash + 1)
  if (prefix !== undefined && (prefix.length > 253 || !prefixPart.test(prefix)))
    return 'prefix part must be a lowercase RFC 1123 subdomain of at most 253 characters'
  if (name.length > 63) return 'name part must be no more than 63 bytes'
  if (!namePart.test(name))
    return "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
  return undefined
}

/** What is wrong with a label's value; undefined when nothing is. */
function labelValueProblem(value: string): string | undefined {
  if (value === '') return undefined
  if (value.length > 63) return 'must be no more than 63 bytes'
  if (!namePart.test(value))
    return "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
  return undefined
}

function checkValue(key: string, value: string): void {
  const problem = labelValueProblem(value)
  if (problem) throw refuse(key, value, problem)
}

function refuse(key: string, value: string, problem: string): ApiError {
  return new ApiError(
    'BadRequest',
    `unable to parse requirement: values[0][${key}]: Invalid value: ${JSON.stringify(value)}: ${problem}`,
  )
}

/**
 * The predicate of a LabelSelector object; an empty one chooses everything, an absent one nothing.
 *
 * @throws {ApiError} BadRequest when an operator is unknown or its values do not fit it
 */
export function labelSelectorPredicate(selector: LabelSelector | undefined): LabelPredicate {
  if (!selector) return () => false
  const equal = Object.entries(selector.matchLabels ?? {}).map(([key, value]): Requirement => ({
    key,
    operator: '=',
    values: [value],
  }))
  const expressions = (selector.matchExpressions ?? []).map(({ key, operator, values = [] }): Requirement => {
    const known = { In: 'in', NotIn: 'notin', Exists: 'exists', DoesNotExist: '!' } as const
    if (!Object.hasOwn(known, operator))
      throw new ApiError('BadRequest', `${JSON.stringify(operator)} is not a valid label selector operator`)
    const needsValues = operator === 'In' || operator === 'NotIn'
    if (needsValues !== values.length > 0)
      throw new ApiError(
        'BadRequest',
        `values of the ${operator} requirement on ${key} must be ${needsValues ? 'given' : 'empty'}`,
      )
    return { key, operator: known[operator as keyof typeof known], values }
  })
  return allOf([...equal, ...expressions])
}

function allOf(requirements: Requirement[]): LabelPredicate {
  const tests = requirements.map(test)
  return (labels) => tests.every((one) => one(labels))
}

function test({ key, operator, values }: Requirement): LabelPredicate {
  const value = (labels: Labels) => (Object.hasOwn(labels, key) ? labels[key] : undefined)
  const [first = ''] = values
  const among = new Set<string | undefined>(values)
  switch (operator) {
    case '=':
      return (labels) => value(labels) === first
    case 'in':
      return (labels) => among.has(value(labels))
    case 'notin':
      return (labels) => !among.has(value(labels))
    case 'exists':
      return (labels) => value(labels) !== undefined
    case '!':
      return (labels) => value(labels) === undefined
    default: {
      const limit = Number(first)
      return (labels) => {
        const found = value(labels)
        if (found === undefined || !/^-?\d{1,18}$/.test(found)) return false
        return operator === 'gt' ? Number(found) > limit : Number(found) < limit
      }
    }
  }
}
