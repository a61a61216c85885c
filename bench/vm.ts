/**
 * How long the way from an API call to a machine takes, beside QEMU started and stopped by hand in the same run.
 *
 *     node bench/vm.ts [--count 10]
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { waitUntil } from '@thresher/cli/vm/wait'
import { execute } from '@thresher/lab/run'
import { percentile, pidsOf, printFigures } from './figures.ts'
import { install, type Installation } from './installation.ts'

const signal = new AbortController().signal

/** Milliseconds that some work takes. */
async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}

/** Resolves when a process is gone. */
async function gone(pid: number): Promise<void> {
  while (existsSync(`/proc/${pid}`)) await sleep(1)
}

const instanceReaches = ({ client }: Installation, name: string, done: (phase: string | undefined) => boolean) =>
  waitUntil(client, VirtualMachineInstance, { namespace: 'default', name }, (one) => done(one?.status?.phase), {
    timeoutMs: 120_000,
    what: `machine ${name}`,
    signal,
  })

function stop({ client }: Installation, name: string, force: boolean): Promise<unknown> {
  return client.transport.request({
    method: 'PUT',
    path: `/apis/subresources.kubevirt.io/v1/namespaces/default/virtualmachines/${name}/stop`,
    body: force ? { gracePeriod: 0 } : {},
  })
}

/** QEMU by hand: the floor. */
class RawMachine {
  readonly #folder = mkdtempSync(join(tmpdir(), 'raw-'))
  #child: ChildProcess | undefined
  #monitor: Socket | undefined

  /** Start, and resolve when QMP greets. */
  async start(image: string): Promise<void> {
    const disk = join(this.#folder, 'disk.qcow2')
    const made = await execute('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', image, '-F', 'qcow2', disk])
    if (made.code !== 0) throw new Error(made.stderr)
    const path = join(this.#folder, 'qmp')
    this.#child = spawn(
      'qemu-system-x86_64',
      [
        '-nodefaults',
        '-no-user-config',
        '-display',
        'none',
        '-machine',
        'q35',
        '-cpu',
        'max',
        '-m',
        '192',
        '-accel',
        'tcg,thread=multi,tb-size=32',
        '-qmp',
        `unix:${path},server=on,wait=off`,
        '-drive',
        `file=${disk},if=virtio,format=qcow2`,
        // The devices that the guest has in the product too, since it shuts down what runs on them.
        '-netdev',
        'user,id=n0',
        '-device',
        'virtio-net-pci,netdev=n0,romfile=',
        '-device',
        'virtio-serial-pci',
        '-chardev',
        `socket,id=ga,path=${path}-ga,server=on,wait=off`,
        '-device',
        'virtserialport,chardev=ga,name=org.qemu.guest_agent.0',
        '-device',
        'virtio-rng-pci',
        '-device',
        'virtio-balloon-pci',
      ],
      { stdio: 'ignore' },
    )
    for (;;) {
      try {
        this.#monitor = await greeted(path)
        return
      } catch {
        await sleep(1)
      }
    }
  }

  /** Press the power button, and resolve when the process is gone. */
  async powerDown(): Promise<void> {
    const ended = new Promise((resolve) => this.#child!.once('exit', resolve))
    this.#monitor!.write('{"execute":"qmp_capabilities"}{"execute":"system_powerdown"}')
    await ended
  }

  async kill(): Promise<void> {
    const ended = new Promise((resolve) => this.#child!.once('exit', resolve))
    this.#child!.kill('SIGKILL')
    await ended
  }

  remove(): void {
    this.#monitor?.destroy()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** A connected monitor that has said its greeting. */
function greeted(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    socket.once('error', reject)
    socket.once('data', () => resolve(socket))
  })
}

const { values } = parseArgs({ options: { count: { type: 'string', default: '10' } } })
const count = Number(values.count)
await using installation = await install(201)
const samples = {
  create: [] as number[],
  graceful: [] as number[],
  force: [] as number[],
  rawStart: [] as number[],
  rawStop: [] as number[],
  rawKill: [] as number[],
}
/** Long enough for the guest to listen to its power button under TCG. */
const bootMs = 12_000

for (let index = 0; index < count; index++) {
  const name = `bench-${index}`
  samples.create.push(
    await timed(async () => {
      await installation.createMachine(name)
      await instanceReaches(installation, name, (phase) => phase === 'Running')
    }),
  )
  const [pid] = pidsOf('qemu-system', installation.host.runDir)
  const graceful = index % 3 === 0
  if (graceful) await sleep(bootMs)
  const took = await timed(async () => {
    await stop(installation, name, !graceful)
    await gone(pid!)
  })
  samples[graceful ? 'graceful' : 'force'].push(took)
  await installation.host.thresher(['vm', 'delete', name, '--wait'])

  const raw = new RawMachine()
  samples.rawStart.push(await timed(() => raw.start(installation.guestImage)))
  if (graceful) {
    await sleep(bootMs)
    samples.rawStop.push(await timed(() => raw.powerDown()))
  } else {
    samples.rawKill.push(await timed(() => raw.kill()))
  }
  raw.remove()
}

const p50 = (list: number[]) => percentile(list, 0.5)
printFigures([
  {
    name: 'VM create (API call) → phase Running, p50',
    value: p50(samples.create),
    unit: 'ms',
    limit: 200,
    beside: { name: 'qemu-img create + QEMU by hand', value: p50(samples.rawStart) },
  },
  { name: 'VM create → phase Running, p99', value: percentile(samples.create, 0.99), unit: 'ms' },
  {
    name: 'graceful stop → process gone, p50',
    value: p50(samples.graceful),
    unit: 'ms',
    limit: p50(samples.rawStop) + 100,
    beside: { name: 'power button by QMP', value: p50(samples.rawStop) },
  },
  {
    name: 'force stop → process gone, p50',
    value: p50(samples.force),
    unit: 'ms',
    limit: 50,
    beside: { name: 'SIGKILL', value: p50(samples.rawKill) },
  },
])
