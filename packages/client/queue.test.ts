import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { WorkQueue } from './queue.ts'

test('a key waiting twice is worked on once', async () => {
  const worked: string[] = []
  const queue = new WorkQueue({ work: async (key) => void worked.push(key) })
  queue.add('a')
  queue.add('a')
  queue.add('b')
  queue.start()
  await queue.idle()
  expect(worked).toEqual(['a', 'b'])
})

test('one key is never worked on twice at once, and a change meanwhile runs it again', async () => {
  let running = 0
  let most = 0
  let runs = 0
  const queue: WorkQueue = new WorkQueue({
    workers: 8,
    work: async (key) => {
      running++
      most = Math.max(most, running)
      if (++runs < 3) queue.add(key)
      await delay(1)
      running--
    },
  })
  queue.start()
  queue.add('a')
  await queue.idle()
  expect({ most, runs }).toEqual({ most: 1, runs: 3 })
})

test('different keys are worked on side by side, up to the number of workers', async () => {
  let running = 0
  let most = 0
  const queue = new WorkQueue({
    workers: 2,
    work: async () => {
      most = Math.max(most, ++running)
      await delay(2)
      running--
    },
  })
  queue.start()
  for (const key of ['a', 'b', 'c', 'd']) queue.add(key)
  await queue.idle()
  expect(most).toBe(2)
})

test('the delay of a retry doubles up to the longest, and starts over after a success', () => {
  const queue = new WorkQueue({ work: async () => {}, firstDelayMs: 10, maxDelayMs: 50 })
  const rounded = (): number => Math.floor(queue.retry('a') / 10) * 10
  expect([rounded(), rounded(), rounded(), rounded(), rounded()]).toEqual([10, 20, 40, 50, 50])
  queue.forget('a')
  expect(rounded()).toBe(10)
  queue.stop()
})

test('of several delays the earliest counts', async () => {
  const worked: number[] = []
  const start = performance.now()
  const queue = new WorkQueue({ work: async () => void worked.push(performance.now() - start) })
  queue.start()
  queue.addAfter('a', 5_000)
  queue.addAfter('a', 10)
  queue.addAfter('a', 2_000)
  await delay(60)
  queue.stop()
  expect(worked).toHaveLength(1)
})

test('a stopped queue works on nothing more', async () => {
  const worked: string[] = []
  const queue = new WorkQueue({ work: async (key) => void worked.push(key) })
  queue.add('a')
  queue.stop()
  queue.start()
  queue.add('b')
  await delay(5)
  expect(worked).toEqual([])
})

test('keys that add each other for ever, without waiting for anything, starve nobody, and one of them is named', async () => {
  const hogs: string[] = []
  let runs = 0
  const queue: WorkQueue = new WorkQueue({
    work: async (key) => {
      runs++
      queue.add(key === 'a' ? 'b' : 'a')
    },
    onHog: ({ key, problem }) => hogs.push(`${key} ${problem}`),
  })
  queue.start()
  queue.add('a')
  // Were the loop starved, this timer would never come.
  await delay(1400)
  expect(hogs).toContain('a spins')
  expect(runs).toBeLessThan(400)
  queue.stop()
})

test('many keys are worked on in turns between which timers run', async () => {
  let ticks = 0
  const tick = setInterval(() => ticks++, 1)
  const queue = new WorkQueue({
    work: async () => {
      const until = performance.now() + 0.5
      while (performance.now() < until);
    },
  })
  queue.start()
  for (let index = 0; index < 400; index++) queue.add(`key ${index}`)
  await queue.idle()
  clearInterval(tick)
  expect(ticks).toBeGreaterThan(5)
})

test('work that holds the thread is named', async () => {
  const hogs: { key: string; problem: string; amount: number }[] = []
  const queue = new WorkQueue({
    work: async () => {
      const until = performance.now() + 120
      while (performance.now() < until);
    },
    onHog: (hog) => hogs.push(hog),
  })
  queue.start()
  queue.add('slow')
  await queue.idle()
  expect(hogs).toMatchObject([{ key: 'slow', problem: 'blocks' }])
  expect(hogs[0]!.amount).toBeGreaterThanOrEqual(100)
})
