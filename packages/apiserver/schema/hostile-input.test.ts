import { ApiError } from '@thresher/api/error'
import { compileJsonPath } from '@thresher/api/jsonpath'
import type { JsonSchema, Kind } from '@thresher/api/kind'
import type { KubeObject } from '@thresher/api/meta'
import { describe, expect, it } from 'vitest'
import { apply, trackUpdate } from '../apply/managed-fields.ts'
import { checkStructural } from '../crd/structural-rules.ts'
import { openApiSchema } from '../openapi/openapi-schema.ts'
import { applyJsonPatch } from '../patch/json-patch.ts'
import { applyMergePatch } from '../patch/merge-patch.ts'
import { applyStrategicPatch } from '../patch/strategic.ts'
import { parseFieldSelector } from '../selector/field.ts'
import { parseLabelSelector } from '../selector/label.ts'
import { toTable } from '../table/table.ts'
import { deepClone, isObject } from './clone.ts'
import { duplicateFields } from './strict.ts'
import { applyDefaults, prune, validate } from './structural.ts'

/** Repeatable random numbers below `n` (mulberry32). */
function random(seed: number) {
  let state = seed
  return (n: number) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % n
  }
}
type Below = (n: number) => number

const names = [
  'spec',
  'metadata',
  'name',
  'list',
  'set',
  'map',
  '__proto__',
  'constructor',
  '$patch',
  '$retainKeys',
  '$setElementOrder/list',
  '$deleteFromPrimitiveList/set',
  'managedFields',
  'labels',
  'toString',
  'a.b',
  '',
]
const scalars = [null, true, 0, -1, 1.5, 1e21, '', 'x', 'delete', 'replace', 'merge', '\u0000', '😀']
const pick = <T>(below: Below, from: readonly T[]): T => from[below(from.length)]!

function randomValue(below: Below, depth: number): unknown {
  const kind = below(depth > 0 ? 5 : 2)
  if (kind < 2) return pick(below, scalars)
  if (kind === 2) return Array.from({ length: below(4) }, () => randomValue(below, depth - 1))
  // Through JSON text, as requests come, so that __proto__ is a field of its own.
  const fields = Array.from(
    { length: below(5) },
    () => `${JSON.stringify(pick(below, names))}:${JSON.stringify(randomValue(below, depth - 1))}`,
  )
  return JSON.parse(`{${fields.join(',')}}`)
}

const keywords = [
  'type',
  'properties',
  'items',
  'additionalProperties',
  'required',
  'enum',
  'default',
  'nullable',
  'pattern',
  'format',
  'minLength',
  'maximum',
  'anyOf',
  'allOf',
  'oneOf',
  'not',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-int-or-string',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-embedded-resource',
  'x-kubernetes-map-type',
  'multipleOf',
  'maxItems',
  'description',
]
const types = ['object', 'object', 'array', 'string', 'integer', 'number', 'boolean']

function randomSchema(below: Below, depth: number): unknown {
  if (below(12) === 0) return randomValue(below, 2)
  const type = pick(below, types)
  const schema: Record<string, unknown> = { type }
  if (type === 'object' && depth > 0)
    schema['properties'] = Object.fromEntries(
      Array.from({ length: below(4) }, () => [
        pick(below, ['spec', 'name', 'list', 'set', 'map']),
        randomSchema(below, depth - 1),
      ]),
    )
  if (type === 'array') schema['items'] = depth > 0 ? randomSchema(below, depth - 1) : { type: 'string' }
  if (below(3) === 0) schema[pick(below, keywords)] = below(2) === 0 ? randomValue(below, 2) : randomSchema(below, 1)
  if (below(6) === 0) schema['x-kubernetes-list-type'] = pick(below, ['set', 'map', 'atomic'])
  if (below(6) === 0) schema['x-kubernetes-list-map-keys'] = ['name']
  if (below(6) === 0) schema['x-kubernetes-patch-strategy'] = pick(below, ['merge', 'replace', 'retainKeys'])
  return schema
}

/** Do it; a refusal is as good as an answer, any other error is not. */
function refusalOr<T>(act: () => T): T | undefined {
  try {
    return act()
  } catch (error) {
    if (error instanceof ApiError && error.code < 500) return undefined
    throw error
  }
}

const schema: JsonSchema = {
  type: 'object',
  properties: {
    metadata: {
      type: 'object',
      properties: { name: { type: 'string' }, labels: { type: 'object', additionalProperties: { type: 'string' } } },
    },
    spec: {
      type: 'object',
      properties: {
        list: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
          'x-kubernetes-patch-strategy': 'merge',
          'x-kubernetes-patch-merge-key': 'name',
          items: { type: 'object', properties: { name: { type: 'string' } } },
        },
        set: {
          type: 'array',
          'x-kubernetes-list-type': 'set',
          'x-kubernetes-patch-strategy': 'merge',
          items: { type: 'string' },
        },
        map: { type: 'object', additionalProperties: { type: 'string', format: 'quantity' } },
      },
    },
  },
}

describe('hostile input', () => {
  it('in patches and applies is refused or done, and never changes a prototype or what it came from', () => {
    const below = random(3)
    const object = (): KubeObject => {
      const value = randomValue(below, 4)
      const metadata = randomValue(below, 2)
      return {
        ...(isObject(value) ? value : {}),
        metadata: { name: 'x', ...(isObject(metadata) ? { labels: metadata } : {}) },
      } as KubeObject
    }
    const base = { schema, apiVersion: 'v1', now: '2026-01-01T00:00:00Z', manager: 'm' }
    for (let i = 0; i < 2000; i++) {
      const live = object()
      const kept = JSON.stringify(live)
      const patch = randomValue(below, 4)
      refusalOr(() => applyMergePatch(live, patch))
      refusalOr(() => applyStrategicPatch(schema, live as never, patch))
      const path = () => `/${pick(below, names)}/${pick(below, [...names, '0', '-', '1'])}`
      const operations = Array.from({ length: 3 }, () => ({
        op: pick(below, ['add', 'remove', 'replace', 'move', 'copy', 'test']),
        path: path(),
        from: path(),
        value: randomValue(below, 2),
      }))
      refusalOr(() => applyJsonPatch(live, below(4) === 0 ? patch : operations))
      const applied = refusalOr(() =>
        apply({ ...base, live, applied: below(3) === 0 ? patch : object(), force: below(2) === 0 }),
      )
      if (applied)
        refusalOr(() =>
          trackUpdate({
            ...base,
            before: applied,
            after: {
              ...object(),
              metadata: { name: 'x', managedFields: below(2) === 0 ? (patch as never) : undefined },
            },
          }),
        )
      expect(JSON.stringify(live)).toBe(kept)
    }
    expect(Object.keys(Object.prototype)).toEqual([])
    expect(({} as Record<string, unknown>)['x']).toBeUndefined()
  })

  it('as a schema is refused with fields, and what is accepted can be used', () => {
    const below = random(5)
    let accepted = 0
    for (let i = 0; i < 3000; i++) {
      const candidate = JSON.parse(
        JSON.stringify({ ...(randomSchema(below, 3) as object), type: 'object' }),
      ) as JsonSchema
      if (checkStructural(candidate, 'schema').length > 0) continue
      accepted++
      openApiSchema(candidate, 'v3')
      for (let j = 0; j < 5; j++) {
        const value = randomValue(below, 4)
        applyDefaults(candidate, value)
        prune(candidate, value)
        expect(prune(candidate, deepClone(value))).toEqual([])
        validate(candidate, value)
      }
    }
    expect(accepted).toBeGreaterThan(250)
  })

  it('as selectors, paths and texts is refused', () => {
    const below = random(7)
    const signs = [
      'a',
      'b',
      '.',
      '[',
      ']',
      '?',
      '(',
      ')',
      '@',
      '=',
      '!',
      '"',
      "'",
      '*',
      ',',
      ' ',
      '\\',
      '0',
      '-',
      'in',
      '$',
      '{',
      '}',
      '<',
      ':',
      '\n',
      '/',
    ]
    for (let i = 0; i < 5000; i++) {
      const text = Array.from({ length: below(12) }, () => pick(below, signs)).join('')
      refusalOr(() => parseLabelSelector(text)({ a: 'b' }))
      refusalOr(() => parseFieldSelector(text, ['a', 'a.b'])({ a: { b: 1 } }))
      duplicateFields(JSON.stringify({ [text]: [text, { [text]: text }] }))
      try {
        compileJsonPath(text)({ a: [{ b: 1 }] })
      } catch (error) {
        expect(error).toBeInstanceOf(SyntaxError)
      }
    }
  })

  it('as objects makes tables all the same', () => {
    const below = random(9)
    const columns = ['.spec.list[0].name', '.spec..name', '.metadata.creationTimestamp'].map((path, index) => ({
      name: `c${index}`,
      path,
      type: pick(below, ['date', 'integer', 'string'] as const),
    }))
    const kind = { columns } as Partial<Kind> as Kind
    for (let i = 0; i < 1000; i++) {
      const value = randomValue(below, 4)
      const table = toTable(kind, [
        { ...(isObject(value) ? value : {}), metadata: (isObject(value) ? value : {}) as object },
      ])
      expect(table.rows[0]?.cells).toHaveLength(4)
    }
  })
})
