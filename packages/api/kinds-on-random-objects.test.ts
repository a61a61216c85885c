import { expect, test } from 'vitest'
import { kinds } from './kinds.ts'
import type { JsonSchema, Kind } from './kind.ts'

const rounds = 60
const words = [
  '',
  '__proto__',
  'constructor',
  'a',
  'b',
  'default',
  '1Gi',
  '500m',
  '-1',
  'x/y',
  '2026-01-01T00:00:00Z',
  '{}',
  '[1]',
  'null',
  '*/5 * * * *',
]

/** Numbers from 0 to 1, the same at every run. @see Mulberry32 */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Some value that fits a schema, or with `wild` now and then one that does not. */
function valueOf(schema: JsonSchema, next: () => number, depth: number, wild: boolean): unknown {
  if (wild && next() < 0.03) return [null, 7, 'text', [], {}, [null], true][Math.floor(next() * 7)]
  const pick = <T>(from: readonly T[]) => from[Math.floor(next() * from.length)]
  if (schema.enum) return pick(schema.enum)
  if (schema['x-kubernetes-int-or-string']) return next() < 0.5 ? 80 : '25%'
  if (schema.format === 'quantity') return pick(['1', '500m', '1Gi', '0', '-1', '12345678901234567890'])
  if (schema.type === 'string') return pick(words)
  if (schema.type === 'integer' || schema.type === 'number') return Math.floor(next() * 10) - 2
  if (schema.type === 'boolean') return next() < 0.5
  if (schema.type === 'array')
    return Array.from({ length: Math.floor(next() * 3) }, () => valueOf(schema.items ?? {}, next, depth + 1, wild))
  const object: Record<string, unknown> = {}
  const chance = depth < 3 ? 0.6 : 0.25
  for (const [name, inner] of Object.entries(schema.properties ?? {}))
    if (schema.required?.includes(name) || inner.default !== undefined || (depth < 12 && next() < chance))
      object[name] = valueOf(inner, next, depth + 1, wild)
  const values = schema.additionalProperties
  if (typeof values === 'object')
    for (const key of ['a', 'storage']) if (next() < 0.5) object[key] = valueOf(values, next, depth + 1, wild)
  return object
}

function objectOf(kind: Kind, next: () => number, wild: boolean): { metadata?: unknown } {
  const object = valueOf(kind.schema, next, 0, wild) as { metadata?: unknown }
  object.metadata = { name: 'a', namespace: 'default', annotations: {}, labels: {} }
  return object
}

test.each(kinds.map((kind) => [`${kind.apiVersion} ${kind.kind}`, kind] as const))(
  'no rule, column or action of %s stumbles over an object that fits its schema',
  (_, kind) => {
    const next = random(kind.plural.length * 7919 + kind.version.length)
    for (let round = 0; round < rounds; round += 1) {
      const [object, other] = [objectOf(kind, next, false), objectOf(kind, next, false)] as never[]
      kind.fillDefaults?.(object!)
      kind.fillDefaults?.(other!)
      for (const error of [...(kind.check?.(object!) ?? []), ...(kind.checkUpdate?.(object!, other!) ?? [])]) {
        expect(error.field, error.message).toMatch(/^[a-z]/i)
        expect(error.message).not.toMatch(/undefined|\[object/)
      }
      for (const { path } of kind.columns ?? []) if (typeof path === 'function') path(object!)
      for (const action of kind.actions ?? []) action.offered?.(object!)
      kind.gracePeriodSeconds?.(object!)
    }
  },
)

test('defaults are the same when they are filled in twice', () => {
  const next = random(42)
  for (const kind of kinds)
    for (let round = 0; round < 10; round += 1) {
      const object = objectOf(kind, next, false) as never
      kind.fillDefaults?.(object)
      const once = JSON.stringify(object)
      kind.fillDefaults?.(object)
      expect(JSON.stringify(object), kind.kind).toBe(once)
    }
})
