import { describe, expect, it } from 'vitest'
import { FairSlots, type Slot } from './fair-slots.ts'

const never = new AbortController().signal
const soon = () => new Promise((resolve) => setImmediate(resolve))

/** Enters and notes when it got its place. */
function enter(slots: FairSlots, namespace: string, signal = never) {
  const entry: { slot?: Slot; error?: unknown } = {}
  slots.enter(namespace, signal).then(
    (slot) => (entry.slot = slot),
    (error: unknown) => (entry.error = error),
  )
  return entry
}

describe('places of long work', () => {
  it('go all to one namespace while no other wants one', async () => {
    const slots = new FairSlots(3)
    const all = [1, 2, 3, 4].map(() => enter(slots, 'a'))
    await soon()
    expect(all.map(({ slot }) => slot !== undefined)).toEqual([true, true, true, false])
    expect(all.some(({ slot }) => slot?.signal.aborted)).toBe(false)
    all[0]!.slot![Symbol.dispose]()
    await soon()
    expect(all[3]!.slot).toBeDefined()
  })

  it('are asked back from the namespace with most, the last first, when another waits', async () => {
    const slots = new FairSlots(3)
    const rich = [1, 2, 3].map(() => enter(slots, 'a'))
    await soon()
    const poor = enter(slots, 'b')
    await soon()
    expect(rich.map(({ slot }) => slot!.signal.aborted)).toEqual([false, false, true])
    expect(poor.slot).toBeUndefined()
    const again = enter(slots, 'a')
    rich[2]!.slot![Symbol.dispose]()
    await soon()
    expect(poor.slot).toBeDefined()
    expect(again.slot).toBeUndefined()
  })

  it('are not passed to and fro between namespaces that have alike', async () => {
    const slots = new FairSlots(2)
    const [a, b] = [enter(slots, 'a'), enter(slots, 'b')]
    await soon()
    const more = [enter(slots, 'a'), enter(slots, 'c')]
    await soon()
    expect([a, b].some(({ slot }) => slot!.signal.aborted)).toBe(false)
    a.slot![Symbol.dispose]()
    await soon()
    expect(more.map(({ slot }) => slot !== undefined)).toEqual([true, false])
    const last = enter(slots, 'a')
    more[0]!.slot![Symbol.dispose]()
    await soon()
    expect([last, more[1]!].map(({ slot }) => slot !== undefined)).toEqual([false, true])
  })

  it('are not waited for by what was given up', async () => {
    const slots = new FairSlots(1)
    const first = enter(slots, 'a')
    const stop = new AbortController()
    const second = enter(slots, 'a', stop.signal)
    stop.abort(new Error('deleted'))
    await soon()
    expect(second.error).toEqual(new Error('deleted'))
    first.slot![Symbol.dispose]()
    first.slot![Symbol.dispose]()
    const third = enter(slots, 'b')
    await soon()
    expect(third.slot).toBeDefined()
  })

  it('reach every one of many namespaces within as many rounds as there are places for', async () => {
    const slots = new FairSlots(4)
    const tenants = Array.from({ length: 40 }, () => enter(slots, 'tenant'))
    const others = ['b', 'c', 'd'].map((name) => enter(slots, name))
    for (let round = 0; round < 6; round++) {
      await soon()
      for (const { slot } of tenants) if (slot?.signal.aborted) slot[Symbol.dispose]()
    }
    expect(others.every(({ slot }) => slot && !slot.signal.aborted)).toBe(true)
  })
})
