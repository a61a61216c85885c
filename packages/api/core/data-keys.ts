import type { FieldError } from '../error.ts'
import { same } from '../same.ts'

const keyForm = /^[-._a-zA-Z0-9]{1,253}$/
const maxBytes = 1024 * 1024
const utf8 = new TextEncoder()

/** What is wrong with the keys and the size of a Secret's or ConfigMap's data. */
export function checkData(
  fields: Record<string, Record<string, string> | undefined>,
  encodedField: string,
): FieldError[] {
  const errors: FieldError[] = []
  let bytes = 0
  const seen = new Set<string>()
  for (const [field, data] of Object.entries(fields)) {
    for (const [key, value] of Object.entries(data ?? {})) {
      bytes += field === encodedField ? Math.floor((value.length * 3) / 4) : utf8.encode(value).length
      if (!keyForm.test(key) || key === '.' || key === '..')
        errors.push({
          field: `${field}[${key}]`,
          message: `${JSON.stringify(key)} is no valid key: use up to 253 letters, digits, '-', '_' and '.'`,
        })
      if (seen.has(key))
        errors.push({ field: `${field}[${key}]`, message: `the key is given twice; keep it in one place` })
      seen.add(key)
      if (field === encodedField && !isBase64(value))
        errors.push({ field: `${field}[${key}]`, message: 'must be base64; put plain text elsewhere or encode it' })
    }
  }
  if (bytes > maxBytes)
    errors.push({
      field: Object.keys(fields)[0] ?? 'data',
      message: `holds ${bytes} bytes and at most ${maxBytes} are allowed; split it`,
      reason: 'FieldValueTooLong',
    })
  return errors
}

function isBase64(value: string): boolean {
  return value.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(value)
}

/** What a change of an object with `immutable: true` gets wrong. */
export function checkImmutable<T extends { immutable?: boolean }>(
  next: T,
  previous: T,
  fields: (keyof T)[],
): FieldError[] {
  if (!previous.immutable) return []
  const remedy = 'cannot change while `immutable` is set; delete the object and make it anew'
  const changed = fields.filter((field) => !same(next[field] ?? {}, previous[field] ?? {}))
  return [...(next.immutable ? [] : ['immutable' as keyof T]), ...changed].map((field) => ({
    field: String(field),
    message: remedy,
    reason: 'FieldValueForbidden',
  }))
}
