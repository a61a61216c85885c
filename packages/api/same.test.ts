import { expect, test } from 'vitest'
import { same } from './same.ts'

test.each([
  [{ a: 1, b: undefined }, { a: 1 }, true],
  [{ a: 1 }, { a: 1, b: undefined }, true],
  [{ a: 1 }, { a: 1, b: null }, false],
  [{ a: [1, { b: 2 }] }, { a: [1, { b: 2, c: undefined }] }, true],
  [{ a: [1, 2] }, { a: [2, 1] }, false],
  [{ a: [1] }, { a: { 0: 1 } }, false],
  [undefined, {}, false],
  [{ b: 1, a: 2 }, { a: 2, b: 1 }, true],
])('%j and %j: %s', (a, b, expected) => {
  expect(same(a, b)).toBe(expected)
  expect(same(b, a)).toBe(expected)
})
