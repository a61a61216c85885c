import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ComputeHost } from './host.ts'
import { Machine, NotRunningError } from './machine.ts'
import type { MachineView } from './machine-view.ts'
import type { RunPlan } from './plan.ts'
import { isAlive, signalProcess } from './process-identity.ts'
import { readState, writeState } from './run-state.ts'
import { testHost, testInstance, writeTestGuest } from './testing.ts'

let folder: string
let host: ComputeHost
let machines: Watched[]
let logs: string[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'machine-'))
  chmodSync(folder, 0o755)
  mkdirSync(join(folder, 'run'))
  logs = []
  host = testHost(folder, logs)
  machines = []
  writeTestGuest(join(folder, 'root.img'))
  chmodSync(join(folder, 'root.img'), 0o666)
})

afterEach(async () => {
  for (const watched of machines) {
    watched.machine.release()
    const { process } = watched.machine.view()
    if (process) signalProcess(process, 'SIGKILL')
    await watched.machine.settled()
  }
  rmSync(folder, { recursive: true, force: true })
})

function plan(domain = {}): RunPlan {
  return {
    vmi: testInstance('u1', domain),
    pod: { name: 'virt-launcher-guest-abcde', uid: 'p1' },
    volumes: [{ name: 'root', id: join(folder, 'root.img'), readOnly: false }],
    seeds: [],
    scratch: [],
    nics: [],
  }
}

/** A machine and a way to wait for what it becomes. */
class Watched {
  machine!: Machine
  #waiting: (() => void)[] = []
  readonly changed = (): void => {
    for (const look of this.#waiting) look()
  }

  start(runPlan = plan()): this {
    this.machine = Machine.start(host, runPlan, this.changed)
    machines.push(this)
    return this
  }

  async adopt(): Promise<this> {
    const machine = await Machine.adopt(host, 'u1', this.changed)
    if (!machine) throw new Error('nothing was adopted')
    this.machine = machine
    machines.push(this)
    return this
  }

  until(done: (view: MachineView) => boolean): Promise<MachineView> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const view = this.machine.view()
        if (done(view)) resolve(view)
      }
      this.#waiting.push(look)
      setTimeout(
        () => reject(new Error(`still ${JSON.stringify(this.machine.view())}; log: ${logs.join(' | ')}`)),
        15_000,
      ).unref()
      look()
    })
  }

  /** Everything the serial console said, as soon as that contains `text`. */
  says(text: string | RegExp): Promise<string> {
    return new Promise((resolve, reject) => {
      let heard = ''
      setTimeout(() => reject(new Error(`the console only said ${JSON.stringify(heard)}`)), 15_000).unref()
      this.machine.console.attach({
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

const running = ({ life }: MachineView): boolean => life === 'running'
const ended = ({ life }: MachineView): boolean => life === 'ended'

describe('a machine', () => {
  it('runs a guest, carries its console both ways and ends with it', async () => {
    const watched = new Watched().start()
    const view = await watched.until(running)
    expect(view.process?.pid).toBeGreaterThan(1)
    expect(view.config?.machineType).toBe('pc-q35-7.2')
    await watched.says('ready')
    watched.machine.console.write(Buffer.from('hello'))
    await watched.says('hello')
    watched.machine.console.write(Buffer.from('s'))
    const end = await watched.until(ended)
    expect(end.outcome).toMatchObject({ phase: 'Succeeded', reason: 'GuestShutdown' })
    expect(isAlive(view.process!)).toBe(false)
  })

  it('runs QEMU as an unprivileged user that can gain nothing, behind a system call filter, in its own control group', async () => {
    const view = await new Watched().start().until(running)
    const status = readFileSync(`/proc/${view.process!.pid}/status`, 'utf8')
    expect(status).toMatch(/^Uid:\s+64055\s+64055/m)
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
    watched.machine.stop(30)
    expect((await watched.until(ended)).outcome).toMatchObject({ phase: 'Succeeded', reason: 'GuestShutdown' })
  })

  it('switches a guest off that does not shut down in time', async () => {
    const watched = new Watched().start(plan({ features: { acpi: { enabled: false } } }))
    await watched.until(running)
    watched.machine.stop(0.2)
    expect((await watched.until(ended)).outcome).toMatchObject({ phase: 'Failed', reason: 'Killed' })
  })

  it('fails a run whose guest panics or whose QEMU is killed', async () => {
    const watched = new Watched().start()
    await watched.until(running)
    await watched.says('ready')
    watched.machine.console.write(Buffer.from('p'))
    expect((await watched.until(ended)).outcome).toMatchObject({ phase: 'Failed', reason: 'GuestPanicked' })
    watched.machine.forget()

    const again = new Watched().start()
    const { process } = await again.until(running)
    signalProcess(process!, 'SIGKILL')
    expect((await again.until(ended)).outcome).toMatchObject({ phase: 'Failed', reason: 'QemuGone' })
  })

  it('keeps QEMU when the guest restarts itself or is reset', async () => {
    const watched = new Watched().start()
    const { process } = await watched.until(running)
    await watched.says('ready')
    watched.machine.console.write(Buffer.from('r'))
    await watched.says(/(ready[^]*){2}/)
    await watched.machine.reset()
    await watched.says(/(ready[^]*){3}/)
    expect(watched.machine.view()).toMatchObject({ life: 'running', process })
  })

  it('starts with every kind of drive, behind UEFI with secure boot', async () => {
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
      },
    }
    const volumes = names.map((name, index) => ({ name, id: files[index]!, readOnly: false }))
    const watched = new Watched().start({ ...plan(domain), volumes })
    const view = await watched.until(({ life }) => life === 'running' || life === 'ended')
    expect(view.outcome).toBeUndefined()
    expect(view.config?.disks.map(({ target }) => target)).toEqual(['vda', 'sda', 'sdb', 'sdc', 'sr0'])
    watched.machine.stop(0)
    await watched.until(ended)
    expect(existsSync(join(folder, 'data', 'nvram', `${view.config?.lastingFirmware}.fd`))).toBe(true)
  })

  it('pauses and goes on', async () => {
    const watched = new Watched().start()
    await watched.until(running)
    await watched.machine.pause()
    await watched.until(({ paused }) => paused === 'PausedByUser')
    await watched.machine.unpause()
    await watched.until(({ paused }) => paused === undefined)
  })

  it('shows the display as a picture', async () => {
    const watched = new Watched().start()
    await watched.until(running)
    const picture = await watched.machine.screenshot()
    expect(picture.subarray(1, 4).toString()).toBe('PNG')
  })

  it('says why QEMU does not start, and leaves nothing behind', async () => {
    const watched = new Watched().start(plan({ cpu: { model: 'no-such-processor' } }))
    const { outcome } = await watched.until(ended)
    expect(outcome?.message).toContain("unable to find CPU model 'no-such-processor'")
    watched.machine.forget()
    expect(existsSync(watched.machine.folders.folder)).toBe(false)
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
    watched.machine.stop(0)
    await watched.until(ended)
    await expect(watched.machine.pause()).rejects.toThrow(NotRunningError)
  })

  it('ends a run that is stopped before it began', async () => {
    const watched = new Watched().start()
    watched.machine.stop(30)
    expect((await watched.until(ended)).outcome?.phase).toBe('Failed')
    expect(watched.machine.view().process).toBeUndefined()
  })
})

describe('an agent that starts while machines run', () => {
  it('adopts the same QEMU with its console, and hears of its end', async () => {
    const first = new Watched().start()
    const { process } = await first.until(running)
    await first.says('ready')
    first.machine.release()
    const second = await new Watched().adopt()
    expect(second.machine.view()).toMatchObject({ life: 'running', process })
    expect(await second.says('ready')).toMatch(/^ready/)
    second.machine.console.write(Buffer.from('s'))
    expect((await second.until(ended)).outcome?.phase).toBe('Succeeded')
  })

  it('learns how a guest ended while nobody listened', async () => {
    const first = new Watched().start()
    await first.until(running)
    await first.says('ready')
    first.machine.console.write(Buffer.from('s'))
    first.machine.release()
    await delay(300)
    const second = await new Watched().adopt()
    expect((await second.until(ended)).outcome).toMatchObject({ phase: 'Succeeded', reason: 'GuestShutdown' })
  })

  it('finds a QEMU whose number the dead agent had no time to write down, and starts no second', async () => {
    const first = new Watched().start()
    const { process } = await first.until(running)
    first.machine.release()
    const { process: _, startedAt: __, ...state } = readState(first.machine.folders.folder)!
    writeState(first.machine.folders.folder, { ...state, step: 'starting' })
    const second = await new Watched().adopt()
    expect(second.machine.view()).toMatchObject({ life: 'running', process })
    expect(readState(second.machine.folders.folder)).toMatchObject({ step: 'running', process })
  })

  it('fails a run whose QEMU died meanwhile, and lets one begin anew that never got that far', async () => {
    const first = new Watched().start()
    const { process } = await first.until(running)
    first.machine.release()
    signalProcess(process!, 'SIGKILL')
    await delay(50)
    const second = await new Watched().adopt()
    expect((await second.until(ended)).outcome).toMatchObject({ phase: 'Failed', reason: 'QemuGone' })

    const { process: _, outcome: __, ...state } = readState(second.machine.folders.folder)!
    writeState(second.machine.folders.folder, { ...state, step: 'preparing' })
    expect(await Machine.adopt(host, 'u1', () => {})).toBeUndefined()
    expect(existsSync(second.machine.folders.folder)).toBe(false)
  })
})
