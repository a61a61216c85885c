import { expect, test } from 'vitest'
import { largestOf, lastOf, pathsOf, ticksFor } from './scale.ts'

test.each([
  [0, [0, 1]],
  [0.07, [0, 0.02, 0.04, 0.06, 0.08]],
  [1, [0, 0.25, 0.5, 0.75, 1]],
  [100, [0, 25, 50, 75, 100]],
  [101, [0, 50, 100, 150]],
])('the axis up to %d has round marks', (largest, ticks) => {
  expect(ticksFor(largest).map((tick) => Number(tick.toFixed(6)))).toEqual(ticks)
})

test('sizes have marks that are round in their unit', () => {
  expect(ticksFor(4 * 2 ** 30, 1024)).toEqual([0, 1, 2, 3, 4].map((gib) => gib * 2 ** 30))
  expect(ticksFor(1.1 * 2 ** 20, 1024).at(-1)).toBe(1.5 * 2 ** 20)
})

test('a line breaks where nothing was measured, and a value alone is a stroke', () => {
  const { line, area } = pathsOf([0, 50, null, 100, null], 100)
  expect(line).toBe('M0 100L250 50M750 0L875 0')
  expect(area).toBe('M0 100L0 100L250 50L250 100ZM750 100L750 0L875 0L875 100Z')
  expect(pathsOf([null, null], 1)).toEqual({ line: '', area: '' })
})

test('what lies above the axis is drawn at its edge', () => {
  expect(pathsOf([200, 200], 100).line).toBe('M0 0L1000 0')
})

test('the last and the largest are those that were measured', () => {
  expect(lastOf([1, 0, null])).toBe(0)
  expect(lastOf([null])).toBeUndefined()
  expect(largestOf([[1, null], [3], []])).toBe(3)
})
