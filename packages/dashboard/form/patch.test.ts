import { expect, test } from 'vitest'
import { patchOf } from './patch.ts'

test('a patch holds what was changed, at its place, and nothing else', () => {
  const from = { spec: { a: 1, b: 'x', map: { k: '1', l: '2' }, list: [{ n: 1 }, { n: 2 }] } }
  expect(patchOf(from, { spec: { ...from.spec, a: 2, other: 3 } }, ['spec.a', 'spec.b'])).toEqual({ spec: { a: 2 } })
  expect(patchOf(from, { spec: { a: 1 } }, ['spec.b'])).toEqual({ spec: { b: null } })
  expect(patchOf(from, { spec: { ...from.spec, map: { k: '3' } } }, ['spec.map'])).toEqual({
    spec: { map: { k: '3', l: null } },
  })
  expect(patchOf(from, { spec: { ...from.spec, list: [{ n: 9 }, { n: 2 }] } }, ['spec.list[0].n'])).toEqual({
    spec: { list: [{ n: 9 }, { n: 2 }] },
  })
  expect(patchOf(from, structuredClone(from), ['spec.a', 'spec.map'])).toBeUndefined()
})
