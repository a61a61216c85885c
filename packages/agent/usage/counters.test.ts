import { expect, test } from 'vitest'
import { busySeconds, diskBytes, hostCounters, readInterfaces, usedBytes } from './host-counters.ts'
import { machineCounters } from './machine-counters.ts'
import { identityOf } from '../compute/process-identity.ts'
import { ratesBetween } from './rates.ts'

const counters = { cpu: 10, memory: 5, diskRead: 100, diskWrite: 200, networkReceive: 300, networkTransmit: 400 }

test('rates are what was used over the time between two readings; memory is what it is', () => {
  const after = { cpu: 13, memory: 7, diskRead: 160, diskWrite: 200, networkReceive: 600, networkTransmit: 400 }
  expect(ratesBetween({ atMs: 1000, counters }, { atMs: 31_000, counters: after })).toEqual({
    cpu: 0.1,
    memory: 7,
    diskRead: 2,
    diskWrite: 0,
    networkReceive: 10,
    networkTransmit: 0,
  })
})

test('a counter that went back and readings without time between them give no rate', () => {
  expect(ratesBetween({ atMs: 0, counters }, { atMs: 30, counters: { ...counters, diskRead: 99 } })).toBeUndefined()
  expect(ratesBetween({ atMs: 0, counters }, { atMs: 0, counters })).toBeUndefined()
})

test('the processors are busy but for idle and waiting time', () => {
  expect(busySeconds('cpu  100 20 30 9000 800 7 3 99 50 0\ncpu0 1 1 1 1\n')).toBe(1.6)
})

test('memory counts as used when it cannot be had without cost', () => {
  expect(usedBytes('MemTotal:  1000 kB\nMemFree:  100 kB\nMemAvailable:  400 kB\n')).toBe(600 * 1024)
})

test('only whole disks are counted, in sectors of 512 bytes', () => {
  const text = '   8  0 sda 10 0 100 5 20 0 200 5 0 0 0\n   8  1 sda1 10 0 100 5 20 0 200 5 0 0 0\n'
  expect(diskBytes(text, (name) => name === 'sda')).toEqual({ diskRead: 51_200, diskWrite: 102_400 })
})

test('a machine receives what the host sends to its tap', () => {
  const interfaces = readInterfaces(
    'head\nhead\n  tap1: 1000 1 0 0 0 0 0 0 2000 1 0 0 0 0 0 0\n  tap2:5 1 0 0 0 0 0 0 6 1 0 0 0 0 0 0\n',
  )
  const own = identityOf(process.pid)!
  expect(machineCounters(own, ['tap1', 'tap2', 'gone'], { read: 3, written: 4 }, interfaces)).toMatchObject({
    diskRead: 3,
    diskWrite: 4,
    networkReceive: 2006,
    networkTransmit: 1005,
  })
})

test('this host uses processors and memory', () => {
  const used = hostCounters()
  expect(used.cpu).toBeGreaterThan(0)
  expect(used.memory).toBeGreaterThan(2 ** 20)
  for (const value of Object.values(used)) expect(Number.isFinite(value)).toBe(true)
})
