import { expect, it } from 'vitest'
import { planChassisRemoval } from './lost-chassis.ts'

it('hosts that are gone are removed, each with all that it has left, and no others', () => {
  const plan = planChassisRemoval(['first', 'gone', 'gone', 'second'], (name) => name !== 'gone')
  expect(plan.map(({ op, table }) => `${op} ${String(table)}`)).toEqual(['delete Chassis', 'delete Chassis_Private'])
  expect(JSON.stringify(plan)).toContain('gone')
  expect(JSON.stringify(plan)).not.toContain('first')
  expect(planChassisRemoval([], () => false)).toEqual([])
})
