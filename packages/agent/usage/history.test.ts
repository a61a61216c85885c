import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { UsageValues } from '@thresher/api/metrics/usage'
import { readHistories, writeHistories } from './history-file.ts'
import { History } from './history.ts'

const folder = mkdtempSync(join(tmpdir(), 'usage-'))
afterAll(() => rmSync(folder, { recursive: true }))

const begin = 1_800_000_000
const sample = (cpu: number): UsageValues => ({
  cpu,
  memory: 2 ** 30,
  diskRead: 1,
  diskWrite: 2,
  networkReceive: 3,
  networkTransmit: 4,
})

describe('a history', () => {
  test('gives the last hour in steps of 30 seconds and a day in means of 5 minutes', () => {
    const history = new History()
    for (let step = 0; step < 3000; step++) history.add(begin + step * 30, sample(step))
    const now = begin + 2999 * 30
    const hour = history.read(60, now)
    expect(hour.stepSeconds).toBe(30)
    expect(hour.series.cpu).toHaveLength(120)
    expect(hour.series.cpu.at(-1)).toBe(2999)
    expect(hour.series.cpu[0]).toBe(2880)
    expect(hour.startSeconds).toBe(begin + 2880 * 30)
    const day = history.read(24 * 60, now)
    expect(day.stepSeconds).toBe(300)
    expect(day.series.cpu).toHaveLength(288)
    // Ten samples to a step.
    expect(day.series.cpu.at(-2)).toBeCloseTo(2984.5, 1)
    expect(day.series.networkTransmit.at(-2)).toBe(4)
  })

  test('has gaps where nothing was measured, however long they are', () => {
    const history = new History()
    history.add(begin, sample(1))
    history.add(begin + 90, sample(2))
    expect(history.read(3, begin + 120).series.cpu).toEqual([null, 1, null, null, 2, null])
    // Longer than the ring.
    history.add(begin + 20_000 * 30, sample(3))
    const { cpu } = history.read(60, begin + 20_000 * 30).series
    expect(cpu.filter((value) => value !== null)).toEqual([3])
    expect(history.read(60, begin + 40_000 * 30).series.cpu.every((value) => value === null)).toBe(true)
  })

  test('goes on when the clock is set back', () => {
    const history = new History()
    history.add(begin, sample(1))
    history.add(begin - 5000, sample(3))
    expect(history.read(1, begin).series.cpu).toEqual([null, 2])
  })
})

describe('histories on disk', () => {
  const path = join(folder, 'usage.json')

  test('are taken up as they were', () => {
    const history = new History()
    for (let step = 0; step < 500; step++) history.add(begin + step * 30, sample(step))
    writeHistories(path, new Map([['default/web', history]]))
    const now = begin + 499 * 30
    const [[key, taken]] = [...readHistories(path)] as [[string, History]]
    expect(key).toBe('default/web')
    for (const minutes of [1, 60, 1440]) expect(taken.read(minutes, now)).toEqual(history.read(minutes, now))
    taken.add(now + 30, sample(500))
    expect(taken.read(1, now + 30).series.cpu).toEqual([499, 500])
  })

  test.each([
    ['not JSON', '{"version":1,'],
    ['of a later version', JSON.stringify({ version: 2, histories: [] })],
    ['of another form', JSON.stringify({ version: 1, histories: [{ key: 1 }] })],
  ])('that are %s are begun anew', (_, content) => {
    writeFileSync(path, content)
    expect(readHistories(path).size).toBe(0)
  })

  test('whose rings have another size are empty, and take samples', () => {
    const ring = { stepSeconds: 30, last: 5, count: 1, values: 'AAAA' }
    writeFileSync(path, JSON.stringify({ version: 1, histories: [{ key: 'a/b', rings: [ring] }] }))
    const history = readHistories(path).get('a/b')!
    expect(history.read(1, begin).series.cpu).toEqual([null, null])
    history.add(begin, sample(7))
    expect(history.read(1, begin).series.cpu).toEqual([null, 7])
  })
})
