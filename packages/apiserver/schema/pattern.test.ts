import { describe, expect, it } from 'vitest'
import { compilePattern } from './pattern.ts'

const matches = (pattern: string, text: string) => compilePattern(pattern).test(text)

describe('patterns', () => {
  it('say the same as those of JavaScript where both know the syntax', () => {
    const patterns = [
      '^a+$',
      'a|b',
      '^(a|b)*c?$',
      '^[a-c]{2,3}$',
      '^[^a]$',
      'a.c',
      '^a{2}$',
      '^(?:ab)+$',
      String.raw`^\d+\.\d*$`,
      '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$',
      String.raw`\bab\b`,
      '^$',
      '',
      '(a*)*',
      '(a|ab)(c|bcd)',
      '^a{0,2}b{1,}$',
      '[-a]',
      '[a-]b',
      String.raw`[\d.]+`,
      String.raw`^[\w-]+@\w+$`,
      '^(([a-z]+)|([0-9]+(\\.[0-9]+)?))$',
    ]
    let seed = 5
    const below = (n: number) => (seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0) % n
    for (const pattern of patterns) {
      const native = new RegExp(pattern, 'u')
      const own = compilePattern(pattern)
      for (let i = 0; i < 300; i++) {
        const text = Array.from({ length: below(8) }, () => 'aabbcd01.-@ '[below(12)]).join('')
        expect([pattern, text, own.test(text)]).toEqual([pattern, text, native.test(text)])
      }
    }
  })

  it('know what RE2 knows beyond JavaScript', () => {
    expect(matches('^[[:alpha:]]+$', 'aZ')).toBe(true)
    expect(matches('^[[:^digit:]x]+$', 'ax')).toBe(true)
    expect(matches('(?i)^abc$', 'aBC')).toBe(true)
    expect(matches('^a(?i:b)c$', 'aBc')).toBe(true)
    expect(matches('^a(?i:b)c$', 'aBC')).toBe(false)
    expect(matches(String.raw`\Aab\z`, 'ab')).toBe(true)
    expect(matches('(?P<year>[0-9]{4})', 'in 2026')).toBe(true)
    expect(matches('(?s)a.b', 'a\nb')).toBe(true)
    expect(matches('a.b', 'a\nb')).toBe(false)
    expect(matches('(?m)^b$', 'a\nb')).toBe(true)
    expect(matches(String.raw`^\pL+$`, 'äöß')).toBe(true)
    expect(matches(String.raw`^\p{Greek}$`, 'λ')).toBe(true)
    expect(matches(String.raw`^\x41\x{42}\.\/$`, 'AB./')).toBe(true)
    expect(matches(String.raw`^\Qa.b\E$`, 'a.b')).toBe(true)
    expect(matches('^.$', '😀')).toBe(true)
    expect(matches('^a{b}$', 'a{b}')).toBe(true)
  })

  it('know the quantities that controller-gen writes', () => {
    const quantity = compilePattern(
      String.raw`^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$`,
    )
    for (const text of ['1', '1.5Gi', '-.5e3', '100m', '+2E-1']) expect(quantity.test(text)).toBe(true)
    for (const text of ['', 'Gi', '1 Gi', '1.5.5', 'x']) expect(quantity.test(text)).toBe(false)
  })

  it('end in time that grows with the text only, whatever they are', () => {
    const start = performance.now()
    for (const pattern of ['^(a+)+$', '^(a|a)*$', '^(a|aa)+$', '^(.*a){20}$', 'a*a*a*a*a*b', '(x+x+)+y'])
      compilePattern(pattern).test(`${'a'.repeat(5000)}!${'x'.repeat(5000)}`)
    expect(performance.now() - start).toBeLessThan(5000)
  })

  it('are refused when they are none, refer back, look around or are too large', () => {
    for (const pattern of [
      '(',
      ')',
      '[',
      '[b-a]',
      'a**',
      '*a',
      '(?=a)',
      '(?!a)',
      '(?<=a)',
      String.raw`(a)\1`,
      '\\',
      String.raw`\y`,
      'a{2,1}',
      'a{1001}',
      '((a{100}){100}){100}',
      '('.repeat(200) + ')'.repeat(200),
      'a'.repeat(5000),
      '[[:none:]]',
      String.raw`\p{None}`,
    ])
      expect(() => compilePattern(pattern)).toThrow(SyntaxError)
  })
})
