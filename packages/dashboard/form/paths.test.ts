import { expect, test } from 'vitest'
import { valueAt, withValue } from './paths.ts'

test('values are read and written at paths, with the rest kept', () => {
  const object = { metadata: { annotations: { 'a.b/c': '1' } }, spec: { list: [{ x: 1 }, { x: 2 }] } }
  expect(valueAt(object, 'metadata.annotations[a.b/c]')).toBe('1')
  expect(valueAt(object, 'spec.none.x')).toBeUndefined()
  const changed = withValue(object, 'spec.list[1].x', 3)
  expect(changed.spec.list).toEqual([{ x: 1 }, { x: 3 }])
  expect(changed.metadata).toBe(object.metadata)
  expect(object.spec.list[1]!.x).toBe(2)
})

test('a field that is cleared goes, and what was only there for it', () => {
  expect(withValue({ spec: { a: { b: 'x' }, c: 1 } }, 'spec.a.b', undefined)).toEqual({ spec: { c: 1 } })
})

test('names from the prototype are no fields', () => {
  expect(valueAt({}, 'constructor.name')).toBeUndefined()
})
