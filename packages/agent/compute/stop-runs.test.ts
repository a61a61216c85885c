import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { mayBeQemu } from './qemu-user.ts'
import { Cgroup } from './cgroup.ts'
import type { ComputeHost } from './host.ts'
import { isAlive, signalProcess } from './process-identity.ts'
import { listQemus } from './qemu-processes.ts'
import { Run } from './run.ts'
import { readState } from './run-state.ts'
import { stopRuns } from './stop-runs.ts'
import { testPlan, testHost, testInstance, writeTestGuest } from './testing.ts'

let folder: string
let host: ComputeHost
let logs: string[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'stop-runs-'))
  chmodSync(folder, 0o755)
  mkdirSync(join(folder, 'run'))
  logs = []
  host = testHost(folder, logs)
  writeTestGuest(join(folder, 'root.img'))
  chmodSync(join(folder, 'root.img'), 0o666)
})
afterEach(() => {
  for (const { identity } of listQemus(host.runRoot, (uid) => mayBeQemu(host, uid))) signalProcess(identity, 'SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

/** A guest that runs without an agent. */
async function leaveRunning(): Promise<Run> {
  const up = Promise.withResolvers<void>()
  const plan = testPlan(folder, testInstance('u1'))
  const run = Run.start(host, plan, () => run.view().step === 'running' && up.resolve())
  await up.promise
  run.release()
  return run
}

const stop = (): Promise<number> =>
  stopRuns({ root: host.runRoot, hierarchy: host.hierarchy, mayBe: (uid) => mayBeQemu(host, uid), log: host.log })

test('a guest is stopped with its host, which its state says to the next agent', async () => {
  const run = await leaveRunning()
  expect(await stop()).toBe(1)
  expect(isAlive(run.view().process!)).toBe(false)
  expect(new Cgroup(host.hierarchy, 'u1').memoryBytes()).toBeUndefined()
  expect(readState(run.folders.folder)).toMatchObject({ state: { step: 'ended', outcome: { reason: 'HostStopped' } } })
  expect(await stop()).toBe(0)
})

test.each([
  ['cannot be read', (run: Run) => writeFileSync(join(run.folders.folder, 'state.json'), '{"version":99}')],
  ['is gone with its folder', (run: Run) => rmSync(run.folders.folder, { recursive: true })],
])('a guest whose state %s is found and stopped too', async (_, spoil) => {
  const run = await leaveRunning()
  spoil(run)
  expect(await stop()).toBe(1)
  expect(isAlive(run.view().process!)).toBe(false)
  expect(existsSync(run.folders.folder)).toBe(false)
  expect(logs.join()).toContain('its QEMU is stopped all the same')
})

test('a guest that stands still is killed', async () => {
  const run = await leaveRunning()
  const { process } = run.view()
  signalProcess(process!, 'SIGSTOP')
  expect(await stop()).toBe(1)
  expect(isAlive(process!)).toBe(false)
})
