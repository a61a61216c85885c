import { describe, expect, test } from 'vitest'
import { parseJson } from './json.ts'

const limits = { depth: 4, mapKeys: 5, listItems: 6, values: 20 }
const read = (text: string) => parseJson(Buffer.from(text), limits)

describe('JSON', () => {
  test('is read where it is within the limits, whatever its texts hold', () => {
    const value = { 'a"[{,': ['\\', '\\"', '{[{[{[', ',,,,,,,,,,', ''], b: { c: null }, d: 1e3, e: true }
    expect(read(JSON.stringify(value))).toEqual(value)
    expect(read(' 5 ')).toBe(5)
  })

  test.each([
    ['[[[[[1]]]]]', 'nested deeper than 4'],
    ['{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1}', 'a map of more than 5 keys'],
    ['[1,2,3,4,5,6,7]', 'a list of more than 6 items'],
    ['[[1,2,3,4],[1,2,3,4],[1,2,3,4],[1,2,3,4],[1,2,3,4]]', 'more than 20 values'],
    ['[1,2', 'not valid JSON'],
    [']', 'not valid JSON'],
    ['"', 'not valid JSON'],
    ['"\\', 'not valid JSON'],
    ['{"__proto__":1}', '__proto__'],
    ['{"\\u005f_proto__":1}', '__proto__'],
  ])('%s is refused', (text, message) => {
    expect(() => read(text)).toThrow(message)
  })
})
