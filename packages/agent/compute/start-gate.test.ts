import { expect, test } from 'vitest'
import { StartGate } from './start-gate.ts'

const never = new AbortController().signal

/** Enters and notes the order; gives the ways out. */
function queue(gate: StartGate) {
  const order: string[] = []
  const leave: (() => void)[] = []
  const enter = (name: string, namespace = 'a', priority = 0): void =>
    void gate.enter({ namespace, priority }, never).then((done) => {
      order.push(name)
      leave.push(done)
    })
  const finishOne = async (): Promise<void> => {
    leave.shift()?.()
    await Promise.resolve()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { order, enter, finishOne }
}

test('no more start at once than the host carries, and a place given back twice counts once', async () => {
  const gate = new StartGate(2)
  const leave = await gate.enter({ namespace: 'a', priority: 0 }, never)
  const { order, enter } = queue(gate)
  for (const name of ['1', '2', '3']) enter(name)
  await new Promise((resolve) => setImmediate(resolve))
  expect(order).toEqual(['1'])
  leave()
  leave()
  await new Promise((resolve) => setImmediate(resolve))
  expect(order).toEqual(['1', '2'])
})

test('a namespace with many starts lets others have their turn, and priority goes first', async () => {
  const { order, enter, finishOne } = queue(new StartGate(1))
  for (const name of ['a1', 'a2', 'a3']) enter(name, 'a')
  for (const name of ['b1', 'b2']) enter(name, 'b')
  enter('c1', 'c', 10)
  await new Promise((resolve) => setImmediate(resolve))
  for (let left = 0; left < 6; left++) await finishOne()
  expect(order).toEqual(['a1', 'c1', 'b1', 'a2', 'b2', 'a3'])
})

test('one that is stopped while it waits gives its turn to the next', async () => {
  const gate = new StartGate(1)
  const leave = await gate.enter({ namespace: 'a', priority: 0 }, never)
  const stop = new AbortController()
  const stopped = gate.enter({ namespace: 'a', priority: 0 }, stop.signal)
  const next = gate.enter({ namespace: 'a', priority: 0 }, never)
  stop.abort(new Error('stopped'))
  await expect(stopped).rejects.toThrow('stopped')
  leave()
  await next
})
