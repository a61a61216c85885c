import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { adoptRuns } from '../adopt-runs.ts'
import { Cgroup } from '../cgroup.ts'
import type { ComputeHost } from '../host.ts'
import type { RunPlan } from '../plan.ts'
import { isAlive, signalProcess } from '../process-identity.ts'
import { mayBeQemu } from '../qemu-user.ts'
import { Run } from '../run.ts'
import type { RunView } from '../run-view.ts'
import { endRuns, testPlan, testHost, testInstance, writeTestGuest } from '../testing.ts'
import { endTpm, findTpm, listTpms, startTpm } from './tpm-process.ts'

const owner = 'aaaaaaaa-1111-4222-8333-444455556666'
let folder: string
let host: ComputeHost
let logs: string[]
let runs: Run[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'run-tpm-'))
  chmodSync(folder, 0o755)
  for (const each of ['run', 'secret']) mkdirSync(join(folder, each))
  logs = []
  runs = []
  host = testHost(folder, logs)
  writeTestGuest(join(folder, 'root.img'))
  chmodSync(join(folder, 'root.img'), 0o666)
})

afterEach(async () => {
  await endRuns(runs)
  for (const { identity } of listTpms(host.runRoot, () => true)) await endTpm(identity)
  rmSync(folder, { recursive: true, force: true })
})

function plan(persistent: boolean): RunPlan {
  const made = testInstance('u1', {
    devices: { disks: [{ name: 'root', disk: { bus: 'virtio' } }], tpm: { persistent } },
  })
  const ownerReferences = [
    { apiVersion: 'kubevirt.io/v1', kind: 'VirtualMachine', name: 'guest', uid: owner, controller: true },
  ]
  const vmi = { ...made, metadata: { ...made.metadata, ownerReferences } }
  return testPlan(folder, vmi)
}

/** A run, and a wait for what it becomes. */
class Watched {
  readonly run: Run
  #look: () => void = () => {}

  constructor(begin: (changed: () => void) => Run) {
    this.run = begin(() => this.#look())
    runs.push(this.run)
  }

  until(done: (view: RunView) => unknown): Promise<RunView> {
    return new Promise((resolve, reject) => {
      const impatient = setTimeout(
        () => reject(new Error(`still ${JSON.stringify(this.run.view())}; ${logs.join(' | ')}`)),
        15_000,
      )
      impatient.unref()
      this.#look = () => {
        const view = this.run.view()
        if (!done(view)) return
        clearTimeout(impatient)
        resolve(view)
      }
      this.#look()
    })
  }
}

const start = (persistent = false): Watched => new Watched((changed) => Run.start(host, plan(persistent), changed))
const adopt = (): Watched => new Watched((changed) => adoptRuns(host, changed)[0]!)
const tpmOf = ({ run }: Watched) => findTpm(run.folders.paths.tpm, (uid) => mayBeQemu(host, uid))
const running = ({ step }: RunView): boolean => step === 'running'
const ended = ({ step }: RunView): boolean => step === 'ended'

describe('a run with a TPM', () => {
  it('has it started before QEMU and ended with it; what it kept for this run alone reaches no disk and goes', async () => {
    const watched = start()
    await watched.until(running)
    const tpm = tpmOf(watched)
    expect(tpm).toBeDefined()
    // The firmware initialised it, so QEMU speaks with it.
    expect(readdirSync(join(watched.run.folders.secrets, 'tpm'))).toContain('tpm2-00.permall')
    watched.run.stop(0)
    await watched.until(ended)
    expect(isAlive(tpm!)).toBe(false)
    expect(existsSync(watched.run.folders.secrets)).toBe(false)
    expect(existsSync(join(folder, 'data/tpm'))).toBe(false)
  })

  it('finds what it kept for the machine again, which is nobody’s but root’s in between', async () => {
    const kept = join(folder, 'data/tpm', owner)
    const first = start(true)
    await first.until(running)
    expect(statSync(join(kept, 'tpm2-00.permall')).uid).toBe(first.run.view().user)
    first.run.stop(0)
    await first.until(ended)
    expect(statSync(join(kept, 'tpm2-00.permall')).uid).toBe(0)
    const { ino } = statSync(kept)
    await first.run.forget()
    const second = start(true)
    await second.until(running)
    expect(statSync(kept)).toMatchObject({ ino, uid: second.run.view().user })
  })

  it('is taken up with it by the next agent, which notices when it ends before its guest', async () => {
    const first = start(true)
    const { process } = await first.until(running)
    const tpm = tpmOf(first)!
    first.run.release()
    const second = adopt()
    await second.run.reached
    expect(isAlive(tpm)).toBe(true)
    expect(second.run.view()).toMatchObject({ step: 'running', tpmLost: false })
    signalProcess(tpm, 'SIGKILL')
    await second.until(({ tpmLost }) => tpmLost)
    expect(isAlive(process!)).toBe(true)
    second.run.stop(0)
    await second.until(ended)
  })

  it('that died before QEMU was there leaves none behind', async () => {
    mkdirSync(join(host.runRoot, 'u1'))
    chmodSync(join(host.runRoot, 'u1'), 0o777)
    mkdirSync(join(folder, 'state'))
    const { identity, exited } = await startTpm({
      stateFolder: join(folder, 'state'),
      socket: join(host.runRoot, 'u1', 'tpm.sock'),
      user: host.user,
      logFile: join(folder, 'tpm.log'),
      cgroup: new Cgroup(host.hierarchy, 'none'),
    })
    expect(adoptRuns(host, () => {})).toEqual([])
    await exited
    expect(isAlive(identity)).toBe(false)
  })
})
