import { expect, test } from 'vitest'
import { formatOrder, groupRows, keepSelected, parseOrder, searchRows, sortRows, windowOf } from './rows.ts'

const rows = ['vm-10', 'vm-2', 'VM-1', 'vm-3'].map((key, index) => ({ key, size: [4, undefined, 2, 3][index] }))

test('names are ordered as people count, whatever their case', () => {
  expect(sortRows(rows, ({ key }) => key, false).map(({ key }) => key)).toEqual(['VM-1', 'vm-2', 'vm-3', 'vm-10'])
})

test('what has no value comes last in both directions', () => {
  expect(sortRows(rows, ({ size }) => size, false).map(({ size }) => size)).toEqual([2, 3, 4, undefined])
  expect(sortRows(rows, ({ size }) => size, true).map(({ size }) => size)).toEqual([4, 3, 2, undefined])
})

test('a search wants every word, in any order', () => {
  const found = searchRows(['web running node1', 'db running node2', 'web stopped'], 'Running  web', (text) => text)
  expect(found).toEqual(['web running node1'])
})

test('the order is kept in the address', () => {
  for (const text of ['name', '-age']) expect(formatOrder(parseOrder(text, 'name'))).toBe(text)
  expect(parseOrder(null, 'name')).toEqual({ column: 'name', down: false })
})

test('only rows in sight are drawn, and the room stays the same', () => {
  for (const top of [0, 1234, 219_000, 500_000]) {
    const { first, end, before, after } = windowOf(5000, { row: 44, height: 800, top })
    expect(end - first).toBeLessThan(40)
    expect(before + (end - first) * 44 + after).toBe(5000 * 44)
  }
  expect(windowOf(0, { row: 44, height: 800, top: 0 })).toEqual({ first: 0, end: 0, before: 0, after: 0 })
})

test('rows by namespace stand below its name, in the order that they had', () => {
  const row = (namespace: string, name: string) => ({
    key: `${namespace}/${name}`,
    uid: `${namespace}-${name}`,
    object: { apiVersion: 'v1', kind: 'X', metadata: { namespace, name } },
  })
  const grouped = groupRows([row('b', '2'), row('a', '9'), row('b', '1')])
  expect(grouped.map(({ key, heading }) => (heading ? `${heading.name}: ${heading.count}` : key))).toEqual([
    'a: 1',
    'a/9',
    'b: 2',
    'b/2',
    'b/1',
  ])
})

test('a selection does not outlive its object, and stays the same while nothing goes', () => {
  const selected = new Set(['a', 'b'])
  expect(keepSelected(selected, new Set(['a', 'b', 'c']))).toBe(selected)
  expect([...keepSelected(selected, new Set(['b', 'c']))]).toEqual(['b'])
})
