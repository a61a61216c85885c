import { expect, test } from 'vitest'
import { waitsFor, type Blocker } from './cycles.ts'

/** `a: ['b']` says that b holds back the deletion of a. */
const graph =
  (blocks: Record<string, string[]>, notForeground: string[] = []) =>
  (uid: string): Blocker[] =>
    (blocks[uid] ?? []).map((each) => ({ uid: each, foreground: !notForeground.includes(each) }))

const b: Blocker = { uid: 'b', foreground: true }

test('an owner in a cycle of three is waited for by its own blocker', () => {
  expect(waitsFor(b, 'a', graph({ a: ['b'], b: ['c'], c: ['a'] }))).toBe(true)
})

test('an object that owns itself waits for itself', () => {
  expect(waitsFor({ uid: 'a', foreground: true }, 'a', graph({ a: ['a'] }))).toBe(true)
})

test('a chain is no cycle, nor is a cycle further down', () => {
  expect(waitsFor(b, 'a', graph({ a: ['b'], b: ['c'], c: [] }))).toBe(false)
  expect(waitsFor(b, 'a', graph({ a: ['b'], b: ['c'], c: ['b'] }))).toBe(false)
})

test('a cycle through an object that is not yet being deleted still waits for that object', () => {
  expect(waitsFor(b, 'a', graph({ a: ['b'], b: ['c'], c: ['a'] }, ['c']))).toBe(false)
})
