import { ApiError } from '@thresher/api/error'
import { getOwn, isObject } from '../schema/clone.ts'
import { requireFew } from './terms.ts'

/** One condition of a field selector. */
export interface FieldTerm {
  field: string
  operator: '=' | '!='
  value: string
}

/** The conditions of a field selector in text: `metadata.name=web,status.phase!=Running`. @throws {ApiError} BadRequest */
function parseFieldTerms(text: string): FieldTerm[] {
  const terms = splitTerms(text).filter((term) => term !== '')
  requireFew(terms.length)
  return terms.map((term) => {
    const match = /^([^=!\\]*)(!=|==|=)(.*)$/s.exec(term)
    if (!match) throw new ApiError('BadRequest', `invalid selector: '${text}'; can't understand '${term}'`)
    const [, field = '', operator, value = ''] = match
    return { field: field.trim(), operator: operator === '!=' ? '!=' : '=', value: unescape(value, text) }
  })
}

/** Split at commas that no backslash escapes. */
function splitTerms(text: string): string[] {
  const terms: string[] = []
  let term = ''
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '\\') term += text[at]! + (text[++at] ?? '')
    else if (text[at] === ',') {
      terms.push(term)
      term = ''
    } else term += text[at]
  }
  return [...terms, term]
}

function unescape(value: string, text: string): string {
  if (!/[\\=]/.test(value)) return value
  if (/^(?:[^\\,=]|\\[\\,=])*$/.test(value)) return value.replace(/\\(.)/g, '$1')
  throw new ApiError(
    'BadRequest',
    `invalid field selector: '${text}'; escape backslash, comma and = in values with a backslash`,
  )
}

/**
 * The predicate of a field selector.
 *
 * @param allowed the dotted fields that may be used, such as `metadata.name`, `spec.nodeName`
 * @param zeroOf what an absent field counts as: `false` for a boolean of Kubernetes' own kinds, `0` for a number
 * @throws {ApiError} BadRequest when it is no selector or names another field
 */
export function parseFieldSelector(
  text: string,
  allowed: Iterable<string>,
  zeroOf: (steps: string[]) => string = () => '',
): (object: object) => boolean {
  const known = new Set(allowed)
  const tests = parseFieldTerms(text).map(({ field, operator, value }) => {
    if (!known.has(field))
      throw new ApiError('BadRequest', `field label not supported: ${field}`, {
        details: {
          causes: [{ reason: 'FieldValueNotSupported', field, message: `use one of ${[...known].join(', ')}` }],
        },
      })
    const steps = field.split('.')
    const zero = zeroOf(steps)
    return (object: object) => (fieldText(object, steps, zero) === value) === (operator === '=')
  })
  return (object) => tests.every((one) => one(object))
}

/** A field's value as text; that of its zero value where it is absent, as in Kubernetes. */
function fieldText(object: unknown, steps: string[], zero: string): string {
  let at = object
  for (const step of steps) at = isObject(at) ? getOwn(at, step) : undefined
  if (at === undefined || at === null) return zero
  return typeof at === 'object' ? JSON.stringify(at) : String(at as string | number | boolean)
}
