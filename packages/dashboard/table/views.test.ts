import { expect, test } from 'vitest'
import { hiddenColumns, mostViews, parseViews, withView } from './views.ts'

test('views are read as they were written, and what is none is left out', () => {
  const views = [{ name: 'mine', query: 'q=web' }]
  expect(parseViews(JSON.stringify(views))).toEqual(views)
  for (const text of [
    '',
    '{',
    '{}',
    '[1,null,{"name":""},{"name":"x"}]',
    JSON.stringify([{ name: 'x'.repeat(99), query: '' }]),
  ])
    expect(parseViews(text)).toEqual([])
})

test('a view takes the place of the one with its name, and the oldest give way to new ones', () => {
  let views = withView(
    [
      { name: 'a', query: '1' },
      { name: 'b', query: '2' },
    ],
    { name: 'a', query: '3' },
  )
  expect(views).toEqual([
    { name: 'b', query: '2' },
    { name: 'a', query: '3' },
  ])
  for (let index = 0; index < 30; index++) views = withView(views, { name: String(index), query: '' })
  expect(views).toHaveLength(mostViews)
  expect(views.at(-1)?.name).toBe('29')
})

test('columns that are left out stand in the address', () => {
  expect([...hiddenColumns(new URLSearchParams('hide=memory,node'))]).toEqual(['memory', 'node'])
  expect(hiddenColumns(new URLSearchParams()).size).toBe(0)
})
