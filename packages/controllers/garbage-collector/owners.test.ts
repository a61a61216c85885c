import { expect, test } from 'vitest'
import { judge, type OwnerState } from './owners.ts'

const owners = (...states: OwnerState[]) =>
  states.map((state, index) => ({ owner: { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: `u${index}` }, state }))

test.each([
  [[], 'keep'],
  [['there'], 'keep'],
  [['gone'], 'delete'],
  [['waiting'], 'delete'],
  [['gone', 'waiting'], 'delete'],
  [['unknown', 'gone'], 'keep'],
] as [OwnerState[], string][])('owners %j: %s', (states, verdict) => {
  expect(judge(owners(...states)).do).toBe(verdict)
})

test('an object with one owner left loses the others', () => {
  expect(judge(owners('gone', 'there', 'waiting'))).toEqual({ do: 'disown', uids: ['u0', 'u2'] })
})
