import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { watchQemu } from './monitor.ts'
import { identityOf, signalProcess, type ProcessIdentity } from './process-identity.ts'

let folder: string
let qemu: ProcessIdentity
let reports: string[]
let stop: AbortController
let exited: Promise<void>

/** A QEMU without a machine, watched; what is reported of it. */
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'monitor-'))
  reports = []
  stop = new AbortController()
  const socket = join(folder, 'qmp.sock')
  const child = spawn(
    'qemu-system-x86_64',
    ['-machine', 'none', '-display', 'none', '-nodefaults', '-S', '-qmp', `unix:${socket},server=on,wait=off`],
    { stdio: 'ignore' },
  )
  exited = new Promise((resolve) => child.once('exit', () => resolve()))
  qemu = identityOf(child.pid!)!
  void watchQemu({
    socket,
    process: qemu,
    user: process.getuid?.() ?? 0,
    adopted: false,
    signal: stop.signal,
    times: { patienceMs: 300, askEveryMs: 100 },
    reports: {
      answered: (_qmp, status) => void reports.push(`answered ${status}`),
      event: ({ event }) => void reports.push(event),
      silent: (why) => void reports.push(why),
      exited: () => void reports.push('exited'),
    },
  })
})
afterEach(async () => {
  stop.abort(new Error('the test is over'))
  signalProcess(qemu, 'SIGKILL')
  await exited
  rmSync(folder, { recursive: true })
})

const until = (report: string) => vi.waitUntil(() => reports.at(-1) === report, 10_000)

test('a QEMU that stands still while it is watched is silent, not gone, and answers again when it goes on', async () => {
  await until('answered prelaunch')
  signalProcess(qemu, 'SIGSTOP')
  await until('NoAnswer')
  signalProcess(qemu, 'SIGCONT')
  await until('answered prelaunch')
  expect(reports).toEqual(['answered prelaunch', 'NoAnswer', 'answered prelaunch'])
})

test('the end of a QEMU that nobody started here is noticed by its process, also while it stands still', async () => {
  await until('answered prelaunch')
  signalProcess(qemu, 'SIGSTOP')
  await until('NoAnswer')
  signalProcess(qemu, 'SIGKILL')
  await until('exited')
})

test('a watch that is given up reports nothing more', async () => {
  await until('answered prelaunch')
  stop.abort(new Error('the agent is stopping'))
  signalProcess(qemu, 'SIGKILL')
  await exited
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(reports).toEqual(['answered prelaunch'])
})
