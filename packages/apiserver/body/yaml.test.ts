import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { parseYaml } from './yaml.ts'

const refusal = (text: string): string => {
  try {
    parseYaml(text)
    return 'none'
  } catch (error) {
    return (error as Error).message
  }
}

describe('YAML', () => {
  test.each([
    ['a: 1\nb: [x, "y", null]\nc:\n  - d: true\n    e: ~\n'],
    ['text: |\n  one\n  two\nfolded: >-\n  one\n  two\n'],
    ['{a: 1, b: [1, 2,],}'],
    ['# nothing\n'],
    ['1: a\ntrue: b\n"": c\n'],
    ['octal: 0o17\nhex: 0xff\nfloat: 1e3\nno: no\nyes: yes\ntime: 2026-01-31T12:00:00Z\n'],
    ['base: &b {x: 1}\nsame: *b\nlist: [&i 5, *i]\n'],
    ['a: &x 1\nb: &x 2\nc: *x\n'],
  ])('%j is read as the library reads it', (text) => {
    expect(parseYaml(text)).toEqual(parse(text))
  })

  test.each([
    ['a: 1\na: 2\n', 'the body is not valid YAML: the key "a" is there twice, at line 2'],
    ['1: x\n"1": y\n', 'the body is not valid YAML: the key "1" is there twice, at line 2'],
    ['a: [1, 2\n', 'at line 2'],
    ['a: *nobody\n', 'the alias *nobody names nothing that came before'],
    ['a: &a [*a]\n', 'the alias *a names nothing that came before'],
    ['? [1, 2]\n: x\n', 'a key must be plain text'],
    ['__proto__: {x: 1}\n', '__proto__'],
    ['a: 1\n---\nb: 2\n', 'multiple documents'],
    [`${'['.repeat(3000)}`, 'nested deeper'],
    [`${'- '.repeat(1500)}x`, 'nested deeper'],
    [Array.from({ length: 300 }, (_, index) => `${' '.repeat(index)}a:`).join('\n'), 'nested deeper'],
  ])('%.40j is refused with the place', (text, message) => {
    expect(refusal(text)).toContain(message)
  })

  test('aliases that would multiply are refused', () => {
    let text = 'a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n'
    for (let level = 1; level < 9; level++)
      text += `a${level}: &a${level} [${Array.from({ length: 10 }, () => `*a${level - 1}`).join()}]\n`
    expect(refusal(text)).toMatch(/aliases|values/)
    const many = `a: &a x\nb: [${Array.from({ length: 101 }, () => '*a').join()}]\n`
    expect(refusal(many)).toContain('more than 100 aliases')
  })

  test('maps, lists and documents above the limits are refused', () => {
    const limits = { depth: 10, mapKeys: 5, listItems: 5, values: 12 }
    expect(() => parseYaml('{a: 1, b: 1, c: 1, d: 1, e: 1, f: 1}', limits)).toThrow('more than 5 keys')
    expect(() => parseYaml('[1, 2, 3, 4, 5, 6]', limits)).toThrow('more than 5 items')
    expect(() => parseYaml('[[1, 2, 3, 4], [1, 2, 3, 4], [1, 2]]', limits)).toThrow('more than 12 values')
  })
})
