import { readlink, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Commands } from './commands.ts'
import { chooseDatapath, kernelHasDatapath, switchProcesses } from './datapath.ts'
import { daemonSpecs, databaseSpecs, type EngineOptions, type EngineSpec } from './engine-specs.ts'
import { Engine } from './engine.ts'
import type { EngineStatus } from './network-driver.ts'

export interface EnginesOptions extends EngineOptions {
  commands: Commands
  /** The network namespace that they run in; this process's own unless given. */
  netns?: string | undefined
  /** Notified each time that one ended and was started again. */
  onRestart: (name: EngineSpec['name']) => void
  /** Notified each time that one ended. */
  onEnd?: () => void
}

/** The daemons of this host, each kept running: their order, the choice of the datapath, and their end. */
export class Engines {
  readonly #options: EnginesOptions
  readonly #engines = new Map<EngineSpec['name'], Engine>()
  #datapath: 'kernel' | 'userspace' = 'userspace'

  constructor(options: EnginesOptions) {
    this.#options = options
  }

  /** Who forwards packets, as it was chosen by {@link chooseDatapath}. */
  get datapath(): 'kernel' | 'userspace' {
    return this.#datapath
  }

  async startDatabases(): Promise<void> {
    await this.#startAll(databaseSpecs(this.#options))
  }

  /**
   * Decide who forwards packets; a running switch keeps its own.
   *
   * @param bridge the type of the bridge's datapath in the switch's database, where there is one
   * @param interfaces those of the host
   */
  async chooseDatapath(bridge: string | undefined, interfaces: readonly string[]): Promise<void> {
    const own = this.#engine(daemonSpecs(this.#options, 'userspace')[0]!)
    if (bridge !== undefined && (await own.adopt())) {
      this.#datapath = bridge === 'system' ? 'kernel' : 'userspace'
      return
    }
    const { netns, commands } = this.#options
    const here = await readlink('/proc/self/ns/net')
    const others = netns ? [] : (await switchProcesses()).filter((one) => one.netns === here)
    const pids = others.map((one) => one.pid)
    this.#datapath = chooseDatapath(await kernelHasDatapath(commands), { pids, interfaces })
    this.#engines.delete('ovs-vswitchd')
  }

  /** Start the switch and OVN's translator; {@link startController} comes after the bridge is there. */
  async startSwitch(): Promise<void> {
    await this.#startAll(this.#daemons().filter(({ name }) => name !== 'ovn-controller'))
  }

  async startController(): Promise<void> {
    await this.#startAll(this.#daemons().filter(({ name }) => name === 'ovn-controller'))
  }

  /** Begin with an empty southbound database, which OVN fills anew. */
  async forgetSouthbound(): Promise<void> {
    const southbound = this.#engines.get('ovn-sb')
    await southbound?.stop()
    await rm(join(this.#options.dataDir, 'sb.db'), { force: true })
    await southbound?.start()
  }

  async status(): Promise<EngineStatus[]> {
    return await Promise.all([...this.#engines.values()].map((engine) => engine.status()))
  }

  /** Those whose sockets somebody removed, so that nobody else finds them. */
  async lost(): Promise<Engine[]> {
    const engines = [...this.#engines.values()]
    const lost = await Promise.all(engines.map((engine) => engine.lostFiles()))
    return engines.filter((_, at) => lost[at])
  }

  /** Let go; the daemons run on. */
  async release(): Promise<void> {
    await Promise.all([...this.#engines.values()].map((engine) => engine.release()))
  }

  /** Find what runs, without starting anything. @returns whether the switch and its database do */
  async adopt(): Promise<boolean> {
    for (const spec of [...this.#daemons(), ...databaseSpecs(this.#options)]) this.#engine(spec)
    const running = new Set<EngineSpec['name']>()
    const look = async ([name, engine]: [EngineSpec['name'], Engine]) => {
      if (await engine.adopt()) running.add(name)
    }
    await Promise.all([...this.#engines].map(look))
    return running.has('ovsdb-server') && running.has('ovs-vswitchd')
  }

  /** End them all, those that use others first. */
  async stop(): Promise<void> {
    const order = ['ovn-controller', 'ovn-northd', 'ovs-vswitchd', 'ovn-sb', 'ovn-nb', 'ovsdb-server'] as const
    for (const name of order) await this.#engines.get(name)?.stop()
    this.#engines.clear()
  }

  #daemons(): EngineSpec[] {
    return daemonSpecs(this.#options, this.#datapath)
  }

  async #startAll(specs: EngineSpec[]): Promise<void> {
    await Promise.all(specs.map((spec) => this.#engine(spec).start()))
  }

  #engine(spec: EngineSpec): Engine {
    const known = this.#engines.get(spec.name)
    if (known) return known
    const { runDir, logDir, dataDir, commands, onRestart, onEnd } = this.#options
    const folders = { OVS_RUNDIR: runDir, OVN_RUNDIR: runDir, OVS_LOGDIR: logDir, OVN_LOGDIR: logDir }
    const env = { ...folders, OVS_DBDIR: dataDir, OVS_SYSCONFDIR: dataDir }
    const engine = new Engine(spec, commands, env, { restarted: () => onRestart(spec.name), ended: onEnd })
    this.#engines.set(spec.name, engine)
    return engine
  }
}
