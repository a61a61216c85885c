import { Type as TypeBox } from 'typebox'
import { Value } from 'typebox/value'
import { describe, expect, test } from 'vitest'
import type { JsonSchema } from './kind.ts'
import { matches, mismatches } from './matches.ts'
import { Type } from './type.ts'

const declare = (builders: typeof Type) =>
  builders.Object(
    {
      name: builders.String({ minLength: 1, description: 'd' }),
      count: builders.Optional(builders.Integer({ minimum: 0 })),
      ratio: builders.Number(),
      on: builders.Optional(builders.Boolean()),
      word: builders.Enum(['a', 'b']),
      version: builders.Literal(1),
      tags: builders.Record(builders.String(), builders.String()),
      list: builders.Array(builders.Object({ id: builders.Optional(builders.String()) }), { maxItems: 2 }),
      any: builders.Unknown({ description: 'any' }),
      time: builders.Optional(builders.Unsafe<string | null>({ type: 'string', nullable: true })),
    },
    { description: 'all of them', additionalProperties: false },
  )

const whole = {
  name: 'n',
  count: 1,
  ratio: 0.5,
  on: true,
  word: 'a',
  version: 1,
  tags: { x: 'y' },
  list: [{ id: '1' }, {}],
  any: null,
}

describe('schemas', () => {
  test('are the ones that TypeBox makes', () => {
    expect(JSON.stringify(declare(Type))).toBe(JSON.stringify(declare(TypeBox as never)))
  })

  test('are required again once spread', () => {
    const schema = Type.Object({ a: { ...Type.Optional(Type.String()) } }) as JsonSchema
    expect(schema.required).toEqual(['a'])
  })
})

describe('values', () => {
  const wrong: Record<string, unknown>[] = [
    { name: '' },
    { name: undefined },
    { count: 1.5 },
    { count: -1 },
    { ratio: '1' },
    { on: 'yes' },
    { word: 'c' },
    { version: 2 },
    { tags: { x: 1 } },
    { tags: [] },
    { list: {} },
    { list: [null] },
    { list: [{}, {}, {}] },
    { more: 1 },
  ]

  test('match what they are declared as', () => {
    expect(mismatches(declare(Type), whole)).toEqual([])
    expect(matches(declare(Type), whole)).toBe(true)
  })

  test.each(wrong)('do not match with %j, as TypeBox sees it too', (change) => {
    const value = { ...whole, ...change }
    expect(matches(declare(Type), value)).toBe(false)
    expect(Value.Check(declare(TypeBox as never), value)).toBe(false)
  })

  test('are told where they differ', () => {
    expect(mismatches(declare(Type), { ...whole, list: [{ id: 1 }] })).toEqual([
      { path: '/list/0/id', message: 'must be string' },
    ])
  })
})
