import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { isAlive, signalProcess, type ProcessIdentity } from '@thresher/agent/compute/process-identity'
import { readPidFile, startDetached } from './process.ts'
import { afterEnd } from './restart.ts'
import { Supervisor } from './supervisor.ts'
import { readReport } from './supervisor-report.ts'

describe('a program that ended', () => {
  const policy = { firstMs: 100, longestMs: 1000, starts: 5, withinMs: 10_000 }

  it('is started again soon, later each time, and not without end', () => {
    expect(afterEnd([0], 20_000, policy)).toEqual({ do: 'start', afterMs: 100 })
    expect(afterEnd([0], 50, policy)).toEqual({ do: 'start', afterMs: 100 })
    expect(afterEnd([0, 1, 2], 50, policy)).toEqual({ do: 'start', afterMs: 400 })
    expect(afterEnd([0, 1, 2, 3, 4], 50, policy)).toEqual({ do: 'give-up' })
    expect(afterEnd([0, 1, 2, 3, 4], 10_002, policy)).toEqual({ do: 'start', afterMs: 200 })
  })

  it('never waits longer than the longest pause', () => {
    expect(afterEnd([0, 0, 0, 0, 0, 0, 0], 1, { ...policy, starts: 99 })).toEqual({ do: 'start', afterMs: 1000 })
  })
})

describe('the supervisor', () => {
  let folder: string
  const stops: AbortController[] = []
  const processes: ProcessIdentity[] = []

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'supervisor-'))
  })
  afterEach(() => {
    for (const stop of stops.splice(0)) stop.abort()
    for (const one of processes.splice(0)) signalProcess(one, 'SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })

  const pidFile = (name: string) => join(folder, `${name}.pid`)
  const program = (name: string, args: string[] = ['60']) => ({
    name,
    find: () => readPidFile(pidFile(name)),
    start: async () => {
      const logFile = join(folder, 'log')
      const started = await startDetached({ program: 'sleep', args, logFile, pidFile: pidFile(name) })
      processes.push(started)
      return started
    },
  })
  function supervise(programs: ReturnType<typeof program>[], policy?: Parameters<typeof afterEnd>[2]) {
    const stop = new AbortController()
    stops.push(stop)
    const supervisor = new Supervisor(programs, join(folder, 'report'), () => {}, policy)
    return { stop, supervisor, done: supervisor.run(stop.signal) }
  }
  const runs = (name: string) => vi.waitFor(() => expect(readPidFile(pidFile(name))).toBeDefined(), 5000)

  it('starts a killed program again, and leaves the other one alone', async () => {
    supervise([program('one'), program('two')])
    await runs('one')
    await runs('two')
    const [one, two] = [readPidFile(pidFile('one'))!, readPidFile(pidFile('two'))!]
    signalProcess(one, 'SIGKILL')
    await vi.waitFor(() => expect(readPidFile(pidFile('one'))?.pid).not.toBe(one.pid), 5000)
    await runs('one')
    expect(readPidFile(pidFile('two'))).toEqual(two)
  })

  it('takes up what an earlier one started, and starts it again when it ends', async () => {
    const before = supervise([program('one')])
    await runs('one')
    const first = readPidFile(pidFile('one'))!
    before.stop.abort()
    await before.done
    expect(isAlive(first)).toBe(true)
    supervise([program('one')])
    await delay(300)
    expect(readPidFile(pidFile('one'))).toEqual(first)
    signalProcess(first, 'SIGKILL')
    await vi.waitFor(() => expect(readPidFile(pidFile('one'))?.pid).not.toBe(first.pid), 5000)
    await runs('one')
  })

  it('gives up what ends again and again, reports it, and tries again when asked', async () => {
    const policy = { firstMs: 1, longestMs: 1, starts: 3, withinMs: 60_000 }
    const { supervisor } = supervise([program('one', ['0'])], policy)
    const report = () => readReport(join(folder, 'report'))['one']
    await vi.waitFor(() => expect(report()?.givenUp).toBe(true), 5000)
    expect(report()?.starts).toBe(3)
    supervisor.tryAgain()
    await vi.waitFor(() => expect(report()?.starts).toBe(6), 5000)
  })

  it('reports why a start failed, and goes on with the next program', async () => {
    const broken = { ...program('one'), start: () => Promise.reject(new Error('no such port')) }
    supervise([broken, program('two')])
    await runs('two')
    expect(readReport(join(folder, 'report'))['one']?.failure).toBe('no such port')
  })
})
