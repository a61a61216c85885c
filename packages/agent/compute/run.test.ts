import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { placeDevices, readPlaces } from '@thresher/api/kubevirt/device-places'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isGuestUid } from '../guest-uids.ts'
import type { ComputeHost } from './host.ts'
import { adoptRuns } from './adopt-runs.ts'
import { NotRunningError } from './guest-control.ts'
import { Run } from './run.ts'
import type { RunView } from './run-view.ts'
import type { RunPlan } from './plan.ts'
import { isAlive, signalProcess } from './process-identity.ts'
import { readState, writeState, type RunState } from './run-state.ts'
import { endRuns, testHost, testInstance, testPlan, writeTestGuest } from './testing.ts'

let folder: string
let host: ComputeHost
let runs: Watched[]
let logs: string[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'run-'))
  chmodSync(folder, 0o755)
  mkdirSync(join(folder, 'run'))
  logs = []
  host = testHost(folder, logs)
  runs = []
  writeTestGuest(join(folder, 'root.img'))
  chmodSync(join(folder, 'root.img'), 0o666)
})

afterEach(async () => {
  await endRuns(runs.map(({ run }) => run))
  rmSync(folder, { recursive: true, force: true })
})

const plan = (domain = {}): RunPlan => testPlan(folder, testInstance('u1', domain))

/** A run and a way to wait for what it becomes. */
class Watched {
  run!: Run
  #waiting: (() => void)[] = []
  readonly changed = (): void => {
    for (const look of this.#waiting) look()
  }

  start(runPlan = plan()): this {
    this.run = Run.start(host, runPlan, this.changed)
    runs.push(this)
    return this
  }

  async adopt(): Promise<this> {
    const [run] = adoptRuns(host, this.changed)
    if (!run) throw new Error('nothing was adopted')
    this.run = run
    runs.push(this)
    await run.reached
    return this
  }

  until(done: (view: RunView) => boolean): Promise<RunView> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const view = this.run.view()
        if (done(view)) resolve(view)
      }
      this.#waiting.push(look)
      setTimeout(
        () => reject(new Error(`still ${JSON.stringify(this.run.view())}; log: ${logs.join(' | ')}`)),
        15_000,
      ).unref()
      look()
    })
  }

  /** Everything the serial console said, as soon as that contains `text`. */
  says(text: string | RegExp): Promise<string> {
    return new Promise((resolve, reject) => {
      let heard = ''
      setTimeout(
        () => reject(new Error(`the console only said ${JSON.stringify(heard)}; log: ${logs.join(' | ')}`)),
        15_000,
      ).unref()
      this.run.console.attach({
        pendingBytes: () => 0,
        send: (chunk) => {
          heard += chunk.toString()
          if (heard.search(text) >= 0) resolve(heard)
        },
        end: () => {},
      })
    })
  }
}

/** What a run wrote down. */
function stateOf({ run }: Watched): RunState {
  const found = readState(run.folders.folder)
  if (found.found !== 'state') throw new Error(JSON.stringify(found))
  return found.state
}

const running = ({ step }: RunView): boolean => step === 'running'
const ended = ({ step }: RunView): boolean => step === 'ended'

describe('a run', () => {
  it('runs a guest, carries its console both ways and ends with it', async () => {
    const watched = new Watched().start()
    const view = await watched.until(running)
    expect(view.process?.pid).toBeGreaterThan(1)
    expect(view.config?.machineType).toBe('pc-q35-7.2')
    await watched.says('ready')
    watched.run.console.write(Buffer.from('hello'))
    await watched.says('hello')
    watched.run.console.write(Buffer.from('s'))
    const end = await watched.until(ended)
    expect(end.outcome).toMatchObject({ phase: 'Succeeded', reason: 'GuestShutdown' })
    expect(isAlive(view.process!)).toBe(false)
  })

  it('runs QEMU as an unprivileged user that can gain nothing, behind a system call filter, in its own control group', async () => {
    const view = await new Watched().start().until(running)
    const status = readFileSync(`/proc/${view.process!.pid}/status`, 'utf8')
    const [, user] = /^Uid:\s+(\d+)\s+\1\s/m.exec(status) ?? []
    expect(isGuestUid(host.guestUids, Number(user))).toBe(true)
    expect(view.user).toBe(Number(user))
    expect(status).toMatch(/^CapEff:\s+0+$/m)
    expect(status).toMatch(/^CapBnd:\s+0+$/m)
    expect(status).toMatch(/^NoNewPrivs:\s+1$/m)
    expect(status).toMatch(/^Seccomp:\s+2$/m)
    expect(readFileSync(`/proc/${view.process!.pid}/cgroup`, 'utf8')).toContain('/thresher/u1')
  })

  it('asks a guest to shut down and takes its word for it', async () => {
    const watched = new Watched().start()
    await watched.until(running)
    await watched.says('ready')
    watched.run.stop(30)
    expect((await watched.until(ended)).outcome).toMatchObject({ phase: 'Succeeded', reason: 'GuestShutdown' })
  })

  it('switches a guest off that does not shut down in time', async () => {
    const watched = new Watched().start(plan({ features: { acpi: { enabled: false } } }))
    await watched.until(running)
    watched.run.stop(0.2)
    expect((await watched.until(ended)).outcome).toMatchObject({ phase: 'Failed', reason: 'Killed' })
  })

  it('fails a run whose guest panics or whose QEMU is killed', async () => {
    const watched = new Watched().start()
    await watched.until(running)
    await watched.says('ready')
    watched.run.console.write(Buffer.from('p'))
    expect((await watched.until(ended)).outcome).toMatchObject({ phase: 'Failed', reason: 'GuestPanicked' })
    await watched.run.forget()

    const again = new Watched().start()
    const { process } = await again.until(running)
    signalProcess(process!, 'SIGKILL')
    expect((await again.until(ended)).outcome).toMatchObject({ phase: 'Failed', reason: 'QemuGone' })
  })

  it('restarts a guest without an agent by its power button, also when the agent of the node died meanwhile', async () => {
    const first = new Watched().start()
    const { process } = await first.until(running)
    await first.says('ready')
    await first.run.control.softReboot()
    await first.says(/(ready[^]*){2}/)
    expect(first.run.view()).toMatchObject({ step: 'running', process })
    await first.until(({ paused }) => paused === undefined)
    await first.run.control.softReboot()
    await first.run.settled()
    first.run.release()
    await delay(300)
    const second = await new Watched().adopt()
    await second.until(({ paused }) => paused === undefined)
    // What is typed while its firmware starts is lost.
    const typing = setInterval(() => second.run.console.write(Buffer.from('hello')), 100)
    await second.says('hello').finally(() => clearInterval(typing))
    expect(second.run.view()).toMatchObject({ step: 'running', process })
  })

  it('fails a run whose guest does not pass its liveness probe, and leaves one alone that is paused', async () => {
    const watched = new Watched().start()
    await watched.until(running)
    await watched.run.control.pause()
    await watched.until(({ paused }) => paused !== undefined)
    const livenessProbe = { tcpSocket: { port: 1 }, periodSeconds: 1, failureThreshold: 1 }
    watched.run.guest.wantProbes({ livenessProbe }, '127.0.0.1')
    await delay(100)
    expect(watched.run.view().step).toBe('running')
    await watched.run.control.unpause()
    const { outcome } = await watched.until(ended)
    expect(outcome).toMatchObject({ phase: 'Failed', reason: 'LivenessProbeFailed' })
    expect(outcome?.message).toContain('port 1 of the guest: connect ECONNREFUSED')
  })

  it('ends when the guest restarts itself, where its reboot policy says so', async () => {
    const watched = new Watched().start(plan({ rebootPolicy: 'Terminate' }))
    await watched.until(running)
    await watched.says('ready')
    watched.run.console.write(Buffer.from('r'))
    expect((await watched.until(ended)).outcome).toMatchObject({ phase: 'Succeeded' })
  })

  it('keeps QEMU when the guest restarts itself or is reset', async () => {
    const watched = new Watched().start()
    const { process } = await watched.until(running)
    await watched.says('ready')
    watched.run.console.write(Buffer.from('r'))
    await watched.says(/(ready[^]*){2}/)
    await watched.run.control.reset()
    await watched.says(/(ready[^]*){3}/)
    expect(watched.run.view()).toMatchObject({ step: 'running', process })
  })

  it('starts with every kind of drive and small device, behind UEFI with secure boot', async () => {
    const names = ['virtio', 'sata', 'scsi', 'usb']
    const files = names.map((name) => join(folder, `${name}.img`))
    for (const file of files) {
      writeTestGuest(file)
      chmodSync(file, 0o666)
    }
    const domain = {
      firmware: { bootloader: { efi: { secureBoot: true, persistent: true } } },
      features: { smm: { enabled: true } },
      devices: {
        disks: [...names.map((name) => ({ name, disk: { bus: name } })), { name: 'empty', cdrom: { bus: 'sata' } }],
        inputs: [{ name: 'tablet', type: 'tablet', bus: 'usb' }],
        watchdog: { name: 'dog', i6300esb: { action: 'reset' } },
        sound: { name: 'ears' },
        panicDevices: [{ model: 'pvpanic' }],
        blockMultiQueue: true,
      },
      ioThreadsPolicy: 'auto',
      clock: { timer: { pit: { present: false }, hpet: { present: true }, rtc: { track: 'guest' } } },
      chassis: { manufacturer: 'Somebody, Inc.' },
      cpu: { cores: 2, threads: 2, maxSockets: 2 },
    }
    const volumes = names.map((name, index) => ({ name, id: files[index]!, readOnly: false, shared: false }))
    const machineUid = 'aaaaaaaa-1111-4222-8333-444455556666'
    const owner = {
      apiVersion: 'kubevirt.io/v1',
      kind: 'VirtualMachine',
      name: 'guest',
      uid: machineUid,
      controller: true,
    }
    const given = plan(domain)
    const watched = new Watched().start({
      ...given,
      vmi: { ...given.vmi, metadata: { ...given.vmi.metadata, ownerReferences: [owner] } },
      volumes,
      places: placeDevices(readPlaces(), { ...testInstance('u1', domain).spec, volumes }),
    })
    const view = await watched.until(({ step }) => step === 'running' || step === 'ended')
    expect(view.outcome).toBeUndefined()
    expect(view.config?.disks.map(({ target }) => target)).toEqual(['vda', 'sda', 'sdb', 'sdc', 'sr0'])
    watched.run.stop(0)
    await watched.until(ended)
    expect(host.firmware.owners()).toEqual([{ namespace: 'default', name: 'guest', uid: machineUid }])
  })

  it('pauses and goes on', async () => {
    const watched = new Watched().start()
    await watched.until(running)
    await watched.run.control.pause()
    await watched.until(({ paused }) => paused === 'PausedByUser')
    await watched.run.control.unpause()
    await watched.until(({ paused }) => paused === undefined)
  })

  it('shows the display as a picture', async () => {
    const watched = new Watched().start()
    await watched.until(running)
    const picture = await watched.run.control.screenshot()
    expect(picture.subarray(1, 4).toString()).toBe('PNG')
  })

  it('says why QEMU does not start, and leaves nothing behind', async () => {
    const watched = new Watched().start(plan({ cpu: { model: 'no-such-processor' } }))
    const { outcome } = await watched.until(ended)
    expect(outcome?.message).toContain("unable to find CPU model 'no-such-processor'")
    await watched.run.forget()
    expect(existsSync(watched.run.folders.folder)).toBe(false)
  })

  it('names the field that this host cannot carry out', async () => {
    const watched = new Watched().start(plan({ devices: { gpus: [{ name: 'g', deviceName: 'x' }] } }))
    expect((await watched.until(ended)).outcome).toMatchObject({
      reason: 'UnsupportedSpecError',
      message: expect.stringContaining('spec.domain.devices.gpus'),
    })
  })

  it('refuses what only a running guest can do', async () => {
    const watched = new Watched().start()
    await watched.until(running)
    watched.run.stop(0)
    await watched.until(ended)
    await expect(watched.run.control.pause()).rejects.toThrow(NotRunningError)
  })

  it('ends a run that is stopped before it began', async () => {
    const watched = new Watched().start()
    watched.run.stop(30)
    expect((await watched.until(ended)).outcome?.phase).toBe('Failed')
    expect(watched.run.view().process).toBeUndefined()
  })
})

describe('an agent that starts while runs run', () => {
  it('adopts the same QEMU with its console, and hears of its end', async () => {
    const first = new Watched().start()
    const { process } = await first.until(running)
    await first.says('ready')
    first.run.release()
    const second = await new Watched().adopt()
    expect(second.run.view()).toMatchObject({ step: 'running', process })
    expect(await second.says('ready')).toMatch(/^ready/)
    second.run.console.write(Buffer.from('s'))
    expect((await second.until(ended)).outcome?.phase).toBe('Succeeded')
  })

  it('adopts one that an earlier version began as the user of all, and closes its folder', async () => {
    const first = new Watched().start()
    const { process, user } = await first.until(running)
    await first.says('ready')
    first.run.release()
    const { user: _, ...state } = stateOf(first)
    const { folder: own } = first.run.folders
    chmodSync(own, 0o1770)
    writeFileSync(join(own, 'state.json'), JSON.stringify({ ...state, version: 2 }))
    host.user = { uid: user, gid: user, groups: [] }
    const second = await new Watched().adopt()
    expect(second.run.view()).toMatchObject({ step: 'running', process, user })
    expect(statSync(own).mode & 0o7777).toBe(0o710)
    await second.run.control.screenshot()
    second.run.console.write(Buffer.from('s'))
    expect((await second.until(ended)).outcome?.phase).toBe('Succeeded')
  })

  it('learns how a guest ended while nobody listened', async () => {
    const first = new Watched().start()
    await first.until(running)
    await first.says('ready')
    first.run.console.write(Buffer.from('s'))
    first.run.release()
    await delay(300)
    const second = await new Watched().adopt()
    expect((await second.until(ended)).outcome).toMatchObject({ phase: 'Succeeded', reason: 'GuestShutdown' })
  })

  it('finds a QEMU whose number the dead agent had no time to write down, and starts no second', async () => {
    const first = new Watched().start()
    const { process } = await first.until(running)
    first.run.release()
    const { process: _, startedAt: __, ...state } = stateOf(first)
    writeState(first.run.folders.folder, { ...state, step: 'starting' })
    const second = await new Watched().adopt()
    expect(second.run.view()).toMatchObject({ step: 'running', process })
    expect(stateOf(second)).toMatchObject({ step: 'running', process })
  })

  it('fails a run whose QEMU died meanwhile, and lets one begin anew that never got that far', async () => {
    const first = new Watched().start()
    const { process } = await first.until(running)
    first.run.release()
    signalProcess(process!, 'SIGKILL')
    await delay(50)
    const second = await new Watched().adopt()
    expect((await second.until(ended)).outcome).toMatchObject({ phase: 'Failed', reason: 'QemuGone' })

    const { process: _, outcome: __, ...state } = stateOf(second)
    writeState(second.run.folders.folder, { ...state, step: 'preparing' })
    expect(adoptRuns(host, () => {})).toEqual([])
    expect(existsSync(second.run.folders.folder)).toBe(false)
  })
})

describe('a living QEMU is never forgotten', () => {
  const file = ({ run }: Watched): string => join(run.folders.folder, 'state.json')

  it('when its state was written by a newer agent: the file is left alone and the guest looked after', async () => {
    const first = new Watched().start()
    const { process } = await first.until(running)
    await first.says('ready')
    first.run.release()
    const newer = JSON.stringify({ ...stateOf(first), version: 99, step: 'levitating' })
    writeFileSync(file(first), newer)
    const second = await new Watched().adopt()
    const view = second.run.view()
    expect(view).toMatchObject({ step: 'running', process, unreadable: expect.stringContaining('newer agent') })
    expect(view.config).toMatchObject({ machineType: 'pc-q35-7.2', cpus: 1, guestBytes: 64 * 1024 * 1024 })
    expect(view.config?.disks).toMatchObject([{ name: 'root', device: 'disk-root', nodeName: 'vol0' }])
    await second.run.control.pause()
    await second.until(({ paused }) => paused === 'PausedByUser')
    expect(readFileSync(file(second), 'utf8')).toBe(newer)
    second.run.stop(30)
    expect((await second.until(ended)).outcome).toMatchObject({ reason: 'GuestShutdown' })
    expect(isAlive(process!)).toBe(false)
  })

  it.each(['', '{"version":2,"name', undefined])('when its state file holds %j', async (content) => {
    const first = new Watched().start()
    const { process } = await first.until(running)
    first.run.release()
    if (content === undefined) rmSync(file(first))
    else writeFileSync(file(first), content)
    const second = await new Watched().adopt()
    expect(second.run.view()).toMatchObject({ step: 'running', process })
    expect(second.run.view().unreadable === undefined).toBe(content === undefined)
  })

  it('when its whole run folder is gone: it is hung, and a stop ends it', async () => {
    const first = new Watched().start()
    const { process } = await first.until(running)
    first.run.release()
    rmSync(first.run.folders.folder, { recursive: true })
    const second = await new Watched().adopt()
    expect(second.run.view()).toMatchObject({ step: 'running', process, hung: 'MonitorGone' })
    expect(second.run).toMatchObject({ namespace: 'default', name: 'guest', uid: 'u1' })
    await expect(second.run.control.pause()).rejects.toThrow(NotRunningError)
    second.run.stop(0.3)
    expect((await second.until(ended)).outcome).toMatchObject({ reason: 'Killed' })
    expect(isAlive(process!)).toBe(false)
  })

  it('when it stands still: it is hung until it answers, and its end is noticed all the same', async () => {
    const first = new Watched().start()
    const { process } = await first.until(running)
    await first.says('ready')
    first.run.release()
    signalProcess(process!, 'SIGSTOP')
    const began = Date.now()
    const second = await new Watched().adopt()
    expect(second.run.view()).toMatchObject({ step: 'running', hung: 'NoGreeting' })
    expect(Date.now() - began).toBeLessThan(15_000)
    signalProcess(process!, 'SIGCONT')
    await second.until(({ hung }) => hung === undefined)
    await second.run.control.reset()
    second.run.release()
    signalProcess(process!, 'SIGSTOP')
    const third = await new Watched().adopt()
    expect(third.run.view().hung).toBe('NoGreeting')
    signalProcess(process!, 'SIGKILL')
    expect((await third.until(ended)).outcome).toMatchObject({ reason: 'QemuGone' })
  })

  it('when its serial socket is gone: it is made anew', async () => {
    const first = new Watched().start()
    await first.until(running)
    await first.says('ready')
    first.run.release()
    rmSync(first.run.folders.paths.serial)
    const second = await new Watched().adopt()
    second.run.console.write(Buffer.from('hello'))
    await second.says('hello')
  })

  it('and a second one is not adopted from a process of somebody else', async () => {
    const pidFile = join(folder, 'run', 'u9', 'qemu.pid')
    const impostor = spawn('setpriv', ['--reuid=65534', '--clear-groups', 'sh', '-c', 'sleep 20', '-pidfile', pidFile])
    await delay(200)
    expect(adoptRuns(host, () => {})).toEqual([])
    impostor.kill('SIGKILL')
  })
})

describe("a guest's time to shut down", () => {
  it('goes on over a restart of the agent, and the kill at its end is reported as one', async () => {
    const first = new Watched().start(plan({ features: { acpi: { enabled: false } } }))
    await first.until(running)
    first.run.stop(3)
    await first.until(({ step }) => step === 'stopping')
    const dueMs = stateOf(first).dueMs ?? 0
    await delay(1500)
    first.run.release()
    const second = await new Watched().adopt()
    expect(stateOf(second).dueMs).toBe(dueMs)
    second.run.stop(30)
    expect((await second.until(ended)).outcome).toMatchObject({ phase: 'Failed', reason: 'Killed' })
    expect(Date.now() - dueMs).toBeGreaterThanOrEqual(-50)
    expect(stateOf(second)).toMatchObject({ step: 'ended', killed: true })
  })

  it('is over for a guest that was killed while no agent ran', async () => {
    const first = new Watched().start(plan({ features: { acpi: { enabled: false } } }))
    const { process } = await first.until(running)
    first.run.stop(30)
    await first.until(({ step }) => step === 'stopping')
    first.run.release()
    writeState(first.run.folders.folder, { ...stateOf(first), killed: true })
    signalProcess(process!, 'SIGKILL')
    await delay(50)
    const second = await new Watched().adopt()
    expect((await second.until(ended)).outcome).toMatchObject({ reason: 'Killed' })
  })
})

it('a run whose card cannot be taken off the switch yet is over, and keeps what it holds until it can', async () => {
  const unplug = host.network.unplug
  host.network.unplug = () => Promise.reject(new Error('ovsdb-server is away'))
  const watched = new Watched().start()
  await watched.until(running)
  await watched.run.settled()
  const held = {
    ...stateOf(watched),
    holdings: [...stateOf(watched).holdings, { kind: 'nic' as const, name: 'default' }],
  }
  watched.run.release()
  writeState(watched.run.folders.folder, held)
  const second = await new Watched().adopt()
  second.run.stop(0)
  await second.until(ended)
  await second.run.forget()
  expect(stateOf(second).holdings).toEqual([{ kind: 'nic', name: 'default' }])
  host.network.unplug = unplug
  await second.run.forget()
  expect(existsSync(second.run.folders.folder)).toBe(false)
})
