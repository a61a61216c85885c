import { readFileSync, rmSync, statfsSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { execute } from '@thresher/lab/run'
import type { Random } from './random.ts'
import type { World } from './world.ts'

/** Something that goes wrong on a host, or is done to it. */
export interface Fault {
  name: string
  /** Let it happen, and let it pass where it passes by itself. */
  strike(world: World, random: Random): Promise<void>
}

const programs = ['server', 'agent'] as const
const engines = ['ovsdb-server', 'ovs-vswitchd', 'ovn-nb', 'ovn-sb', 'ovn-northd', 'ovn-controller'] as const

/** All faults. A capability that comes adds its own. */
export const faults: readonly [Fault, ...Fault[]] = [
  { name: 'nothing goes wrong', strike: () => Promise.resolve() },
  ...programs.map((program): Fault => ({
    name: `the ${program} is killed`,
    strike: async ({ product }) => kill(product.pidOf(program)),
  })),
  {
    name: 'server and agent are killed at once',
    strike: async ({ product }) => programs.forEach((program) => kill(product.pidOf(program))),
  },
  {
    name: 'the server is killed twice in a row',
    strike: async (world, random) => {
      kill(world.product.pidOf('server'))
      await delay(random.between(100, 1500))
      kill(world.product.pidOf('server'))
    },
  },
  {
    name: 'the supervisor is killed, and up is called',
    strike: async ({ product }) => {
      kill(pidOfSupervisor(product.info.runDir))
      await product.host.up()
    },
  },
  ...programs.map((program): Fault => ({
    name: `the ${program} stands still`,
    strike: (world, random) => freeze(random, world.product.pidOf(program)),
  })),
  {
    name: 'a QEMU stands still',
    strike: async (world, random) => {
      const [pid] = random.shuffled([...(await world.qemus()).values()])
      if (pid !== undefined) await freeze(random, pid)
    },
  },
  {
    name: 'a QEMU is killed',
    strike: async (world, random) => {
      const [found] = random.shuffled([...(await world.qemus())])
      if (!found) return
      const machine = world.machines.get(found[0])
      if (machine) machine.touched = true
      kill(found[1])
    },
  },
  ...engines.map((engine): Fault => ({
    name: `${engine} is killed`,
    strike: async (world) => kill(world.engine(engine)),
  })),
  {
    name: 'the rules of the host are flushed',
    strike: async (world) => void (await world.onHost('nft', 'flush', 'ruleset')),
  },
  {
    name: "the gateway's address is taken away",
    strike: async (world) => void (await world.onHost('ip', 'address', 'flush', 'dev', world.names.gateway)),
  },
  {
    name: 'a port is taken off the switch',
    strike: async (world) => {
      const [port] = (await world.taps()).ports
      const database = `unix:${join(world.product.info.runDir, 'network/db.sock')}`
      if (port) await execute('ovs-vsctl', ['--no-wait', `--db=${database}`, 'del-port', port])
    },
  },
  {
    name: "the engines' run folder is removed",
    strike: async ({ product }) => rmSync(join(product.info.runDir, 'network'), { recursive: true, force: true }),
  },
  {
    name: 'a state file is lost, and the agent is killed',
    strike: async (world, random) => {
      const [folder] = random.shuffled(world.runFolders())
      if (folder) rmSync(join(world.product.info.runDir, 'vms', folder, 'state.json'), { force: true })
      kill(world.product.pidOf('agent'))
    },
  },
  {
    name: 'a state file is torn, and the agent is killed',
    strike: async (world, random) => {
      kill(world.product.pidOf('agent'))
      const [folder] = random.shuffled(world.runFolders())
      if (folder) writeFileSync(join(world.product.info.runDir, 'vms', folder, 'state.json'), '{"version":3,"na')
    },
  },
  {
    name: 'the disk is full for a while',
    strike: async (world, random) => {
      await using full = await fillDisk(world)
      void full
      await delay(random.between(500, 3000))
    },
  },
  {
    name: 'the disk is full while the agent is killed',
    strike: async (world, random) => {
      await using full = await fillDisk(world)
      void full
      kill(world.product.pidOf('agent'))
      await delay(random.between(500, 3000))
    },
  },
  {
    name: 'the host goes down and comes up',
    strike: async (world) => {
      for (const machine of world.machines.values()) machine.touched = true
      await world.product.host.thresher(['down'])
      await world.product.host.up()
    },
  },
]

/** What fills a disk; disposing of it gives the room back. */
export interface Ballast extends AsyncDisposable {
  /** Give so many bytes back. */
  free(bytes: number): void
}

/** Fill the disk that holds all data of the host. @param leaveBytes how much of it stays free */
export async function fillDisk({ product }: World, leaveBytes = 0): Promise<Ballast> {
  const { dataDir } = product.info
  const { bavail, bsize, type } = statfsSync(dataDir)
  // On a disk that is not the test's own, others would suffer.
  if (type !== tmpfsMagic) throw new Error(`${dataDir} is no disk of the test's own`)
  const file = join(dataDir, 'ballast')
  let bytes = bavail * bsize - leaveBytes
  await execute('fallocate', ['-l', String(bytes), file])
  return {
    free: (given) => truncateSync(file, (bytes -= given)),
    [Symbol.asyncDispose]: () => Promise.resolve(rmSync(file, { force: true })),
  }
}

/** @see Linux `include/uapi/linux/magic.h` */
const tmpfsMagic = 0x01021994

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended already.
  }
}

async function freeze(random: Random, pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP')
  await delay(random.between(500, 4000))
  try {
    process.kill(pid, 'SIGCONT')
  } catch {
    // Somebody else ended it meanwhile.
  }
}

function pidOfSupervisor(runDir: string): number {
  return Number(readFileSync(join(runDir, 'supervisor.pid'), 'utf8').split(' ')[0])
}
