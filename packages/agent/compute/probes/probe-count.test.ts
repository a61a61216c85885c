import { describe, expect, it } from 'vitest'
import { countAnswer, timesOf, type ProbeCount } from './probe-count.ts'

const times = timesOf({ successThreshold: 2, failureThreshold: 3 })

/** `y` for an answer that passes, `n` for one that does not. */
function after(answers: string): boolean | undefined {
  let count: ProbeCount = { row: 0 }
  for (const answer of answers) count = countAnswer(count, answer === 'n' ? 'no' : undefined, times)
  return count.passing
}

describe('a probe', () => {
  it.each([
    ['', undefined],
    ['y', undefined],
    ['yy', true],
    ['yyn', true],
    ['yynn', true],
    ['yynnn', false],
    ['yynnyn', true],
    ['nnn', false],
    ['nnny', false],
    ['nnnyy', true],
  ])('that was answered %j passes: %s', (answers, passing) => expect(after(answers)).toBe(passing))

  it('has the times of Kubernetes where it names none, and none that end a second short', () => {
    expect(timesOf({})).toEqual({ initialDelayMs: 0, periodMs: 10_000, timeoutMs: 1000, successes: 1, failures: 3 })
    expect(timesOf({ periodSeconds: -5, timeoutSeconds: 0, failureThreshold: 1e9 })).toMatchObject({
      periodMs: 1000,
      timeoutMs: 1000,
      failures: 86_400,
    })
  })
})
