import { expect, test } from 'vitest'
import { setCondition } from './conditions.ts'

const now = new Date('2026-01-01T00:00:00Z')
const later = new Date('2026-01-02T00:00:00Z')

test('the time of transition moves only with the status', () => {
  const first = setCondition([], { type: 'Ready', status: 'False', reason: 'Waiting' }, now)
  const second = setCondition(first, { type: 'Ready', status: 'False', reason: 'StillWaiting' }, later)
  const third = setCondition(second, { type: 'Ready', status: 'True' }, later)
  expect(second[0]).toMatchObject({ reason: 'StillWaiting', lastTransitionTime: '2026-01-01T00:00:00Z' })
  expect(third).toEqual([{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-02T00:00:00Z' }])
})

test('nothing new gives the same list', () => {
  const list = setCondition([], { type: 'Ready', status: 'True', reason: 'r', message: 'm' }, now)
  expect(setCondition(list, { type: 'Ready', status: 'True', reason: 'r', message: 'm' }, later)).toBe(list)
})
