import { describe, expect, it } from 'vitest'
import { compileJsonPath } from './jsonpath.ts'

const object = {
  spec: { name: 'web', 'dotted.key/x': 1, zero: 0 },
  status: {
    conditions: [
      { type: 'Ready', status: 'True', at: 3 },
      { type: 'Live', status: 'False', at: 9 },
    ],
  },
  list: ['a', 'b', 'c'],
}
const find = (path: string) => compileJsonPath(path)(object)

describe('JSONPath', () => {
  it('finds fields, however they are written', () => {
    for (const path of ['.spec.name', '{.spec.name}', '$.spec.name', ".spec['name']", '.spec["name"]'])
      expect(find(path)).toEqual(['web'])
    expect(find(String.raw`.spec.dotted\.key/x`)).toEqual([1])
    expect(find(".spec['dotted.key/x']")).toEqual([1])
    expect(find('.spec.zero')).toEqual([0])
    expect(find('.spec.none.deeper')).toEqual([])
    expect(find('.spec.constructor')).toEqual([])
  })

  it('finds items by index, slice and wildcard', () => {
    expect(find('.list[0]')).toEqual(['a'])
    expect(find('.list[-1]')).toEqual(['c'])
    expect(find('.list[7]')).toEqual([])
    expect(find('.list[1:]')).toEqual(['b', 'c'])
    expect(find('.status.conditions[*].type')).toEqual(['Ready', 'Live'])
    expect(find('..type')).toEqual(['Ready', 'Live'])
  })

  it('filters items', () => {
    expect(find('.status.conditions[?(@.type=="Ready")].status')).toEqual(['True'])
    expect(find(".status.conditions[?(@.type == 'Live')].status")).toEqual(['False'])
    expect(find('.status.conditions[?(@.type != "Ready")].at')).toEqual([9])
    expect(find('.status.conditions[?(@.at>=9)].type')).toEqual(['Live'])
    expect(find('.status.conditions[?(@.none)].type')).toEqual([])
    expect(find('.list[?(@=="b")]')).toEqual(['b'])
    expect(find('.status.conditions[?(@.type=="a]b")].status')).toEqual([])
  })

  it('refuses what it does not understand and says where', () => {
    for (const path of ['spec', '.a[', '.a[b]', '.a[?(@.x==y)]', '.a...b', `.${'a'.repeat(2000)}`])
      expect(() => compileJsonPath(path)).toThrow(SyntaxError)
  })
})
