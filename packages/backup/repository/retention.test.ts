import { expect, test } from 'vitest'
import { retain } from './retention.ts'

const at = (time: string): { time: string } => ({ time })
const times = (kept: { time: string }[]): string[] => kept.map(({ time }) => time)
/** One each six hours of January and February. */
const many = Array.from({ length: 59 * 4 }, (_, index) => at(new Date(Date.UTC(2026, 0, 1, index * 6)).toISOString()))

test('the last so many are kept', () => {
  expect(times(retain(many, { last: 2 }))).toEqual(['2026-02-28T18:00:00.000Z', '2026-02-28T12:00:00.000Z'])
})

test('of each day, week and month the last is kept', () => {
  expect(times(retain(many, { daily: 2, weekly: 2, monthly: 2 }))).toEqual([
    '2026-02-28T18:00:00.000Z',
    '2026-02-27T18:00:00.000Z',
    // The Sunday before.
    '2026-02-22T18:00:00.000Z',
    '2026-01-31T18:00:00.000Z',
  ])
})

test('a period without a backup does not count', () => {
  const backups = [at('2026-01-01T00:00:00Z'), at('2026-01-09T00:00:00Z'), at('2026-03-01T00:00:00Z')]
  expect(times(retain(backups, { daily: 2 }))).toEqual(['2026-03-01T00:00:00Z', '2026-01-09T00:00:00Z'])
})

test('a retention that names nothing keeps everything', () => {
  expect(retain(many, {})).toHaveLength(many.length)
  expect(retain(many, { last: 0 })).toHaveLength(many.length)
})
