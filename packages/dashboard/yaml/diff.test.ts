import { expect, test } from 'vitest'
import { diffLines, folded } from './diff.ts'

const shown = (first: string, second: string) =>
  diffLines(first, second).map(({ side, text }) => `${{ both: ' ', first: '-', second: '+' }[side]}${text}`)

test('what differs is shown line by line, in order', () => {
  expect(shown('a\nb\nc\nd', 'a\nB\nc\nd\ne')).toEqual([' a', '-b', '+B', ' c', ' d', '+e'])
  expect(shown('', 'x')).toEqual(['-', '+x'])
  expect(shown('a', 'a')).toEqual([' a'])
})

test('both texts can be had back from a comparison, whatever they are', () => {
  const random = () => Array.from({ length: 40 }, () => 'abcd'[Math.floor(Math.random() * 4)]).join('\n')
  for (let round = 0; round < 50; round++) {
    const [first, second] = [random(), random()]
    const lines = diffLines(first, second)
    const side = (other: string) =>
      lines
        .filter((line) => line.side !== other)
        .map(({ text }) => text)
        .join('\n')
    expect(side('second')).toBe(first)
    expect(side('first')).toBe(second)
  }
})

test('long runs that are the same are folded', () => {
  const many = Array.from({ length: 50 }, (_, index) => `line ${index}`)
  const lines = folded(diffLines(many.join('\n'), many.with(25, 'other').join('\n')))
  expect(lines.filter((line) => line === undefined)).toHaveLength(2)
  expect(lines).toHaveLength(3 + 2 + 3 + 2)
})
