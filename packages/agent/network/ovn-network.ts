import { chmod, mkdir, readlink, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { managementGatewayPort, type ManagementNetwork } from '@thresher/api/management-network'
import { Database } from '@thresher/ovsdb/database'
import type { Endpoint } from '@thresher/ovsdb/endpoint'
import type { Operation } from '@thresher/ovsdb/schema'
import { Commands } from './commands.ts'
import { chooseDatapath, kernelHasDatapath, switchProcesses } from './datapath.ts'
import { daemonSpecs, databaseSpecs, socketsIn, type Central, type EngineSpec } from './engine-specs.ts'
import { Engine } from './engine.ts'
import { Gateway } from './gateway.ts'
import { GuestNames } from './guest-names.ts'
import { planTap } from './host-plan.ts'
import { namesOf, tapName, type Names } from './names.ts'
import {
  NetworkError,
  type NetworkDriver,
  type NetworkStatus,
  type NicId,
  type NicRequest,
  type PluggedNic,
} from './network-driver.ts'
import { switchDatabase, type SwitchTables } from './switch-database.ts'
import { planBridge, planPort, planRemoval, planSettings, type SwitchSetup, type SwitchState } from './switch-plan.ts'

export interface OvnNetworkOptions {
  /** Keeps the databases: `<dataDir>/agent/network`. */
  dataDir: string
  /** Sockets and pid files: `<runDir>/network`. */
  runDir: string
  logDir: string
  /** This host's name among the cluster's hosts. */
  host: string
  network: ManagementNetwork
  central: Central
  /** This host's address towards other hosts, where tunnels end. */
  tunnelAddress?: string
  /** Tells instances on one machine apart: 1 to 8 of a-z and 0-9; `thr0` unless given. */
  instance?: string
  /** Where the host's name servers are listed. */
  resolverFiles?: readonly string[]
  /** The network namespace to work in, such as `/run/netns/h1`; this process's own unless given. */
  netns?: string
  log?: (level: 'info' | 'warn', message: string) => void
}

/** The guests' networks by OVN on Open vSwitch, the host being their gateway. */
export class OvnNetwork implements NetworkDriver {
  readonly #options: OvnNetworkOptions
  readonly #commands: Commands
  readonly #names: Names
  readonly #gateway: Gateway
  readonly #engines = new Map<EngineSpec['name'], Engine>()
  #database: Database<SwitchTables> | undefined
  #guestNames: GuestNames | undefined
  #datapath: 'kernel' | 'userspace' = 'userspace'

  constructor(options: OvnNetworkOptions) {
    this.#options = options
    this.#commands = new Commands(options.netns)
    this.#names = namesOf(options.instance ?? 'thr0')
    const { network, resolverFiles, log } = options
    this.#gateway = new Gateway({
      commands: this.#commands,
      names: this.#names,
      network,
      resolverFiles,
      ownNames: (message, question) => this.#guestNames?.answer(message, question),
      log,
    })
  }

  async start(): Promise<void> {
    await this.#prepareHost()
    const limit = AbortSignal.timeout(60_000)
    await this.#startAll(databaseSpecs(this.#options))
    const database = this.#open()
    await database.ready(limit)
    await this.#forgetOldName()
    const daemons = await this.#daemons()
    const settings = planSettings(this.#state(), this.#setup())
    await database.transact(settings, limit)
    // OVN's controller waits a second before it looks for the bridge again, so the bridge comes first.
    const isController = (spec: EngineSpec) => spec.name === 'ovn-controller'
    await this.#startAll(daemons.filter((spec) => !isController(spec)))
    await this.#apply(planBridge(this.#state(), this.#setup()), limit)
    this.#guestNames ??= new GuestNames(this.#southbound, this.#options.network.domain)
    await Promise.all([
      this.#startAll(daemons.filter(isController)),
      this.#gateway.start(),
      this.#sweepPorts((_ifname, exists) => exists),
    ])
  }

  async plug(request: NicRequest, signal?: AbortSignal): Promise<PluggedNic> {
    const { network } = this.#options
    const ifname = tapName(this.#names, request)
    const mtu = request.mtu ?? network.mtu
    const database = this.#connected()
    const neighbour = request.address
      ? { address: request.address, mac: request.mac, gateway: this.#names.gateway }
      : undefined
    const port = { ifname, port: request.port, mac: request.mac, owner: request.vmi }
    const { bridge } = this.#names
    const row = () => database.find('Interface', 'name', ifname)
    // The switch sets an interface's flags without regard to others who do, so it must not see the tap before it is ready.
    if (row()?.error !== undefined) await this.#remove([ifname])
    await this.#makeTap(planTap({ ifname, owner: request.owner, mtu, neighbour }), ifname)
    await database.transact(planPort(row(), bridge, port), signal)
    return { ifname, mtu, offloads: this.#offloads }
  }

  async ready(nic: NicId, signal?: AbortSignal): Promise<void> {
    const database = this.#connected()
    const ifname = tapName(this.#names, nic)
    await database.until(
      () => database.find('Interface', 'name', ifname)?.external_ids['ovn-installed'] === 'true' || undefined,
      signal,
    )
  }

  async unplug(nic: NicId): Promise<void> {
    await this.#remove([tapName(this.#names, nic)])
  }

  async sweep(known: Iterable<NicId>): Promise<string[]> {
    const keep = new Set([...known].map((nic) => tapName(this.#names, nic)))
    return await this.#sweepPorts((ifname) => keep.has(ifname))
  }

  async status(): Promise<NetworkStatus> {
    const { network } = this.#options
    const interfaces = [...(this.#database?.rows('Interface').values() ?? [])]
    return {
      engines: await Promise.all([...this.#engines.values()].map((engine) => engine.status())),
      datapath: this.#datapath,
      bridge: this.#names.bridge,
      gateway: {
        ifname: this.#names.gateway,
        address: network.gateway,
        subnet: network.subnet,
        mac: network.gatewayMac,
        mtu: network.mtu,
      },
      dns: this.#gateway.dns,
      ports: interfaces.flatMap((one) =>
        one.name.startsWith(this.#names.tapPrefix) ? [one.external_ids['iface-id'] ?? ''] : [],
      ),
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#engines.values()].map((engine) => engine.release()))
    await this.#database?.close()
    this.#database = undefined
    await this.#gateway.close()
    await this.#closeNames()
  }

  async down(): Promise<void> {
    const { runDir } = this.#options
    const specs = [...daemonSpecs(this.#options, this.#datapath), ...databaseSpecs(this.#options)]
    const engines = new Map(specs.map((spec) => [spec.name, this.#engine(spec)]))
    await Promise.all([...engines.values()].map((engine) => engine.adopt()))
    if ((await engines.get('ovsdb-server')?.adopt()) && (await engines.get('ovs-vswitchd')?.adopt())) {
      const limit = AbortSignal.timeout(5000)
      const database = this.#open()
      try {
        await database.ready(limit)
        const bridge = database.find('Bridge', 'name', this.#names.bridge)
        if (bridge)
          await this.#apply([switchDatabase.mutate('Open_vSwitch', {}, { bridges: { delete: [bridge._uuid] } })], limit)
      } catch (error) {
        this.#options.log?.('warn', `the switch did not give its ports back: ${(error as Error).message}`)
      }
    }
    await this.#database?.close()
    this.#database = undefined
    const names = ['ovn-controller', 'ovn-northd', 'ovs-vswitchd', 'ovn-sb', 'ovn-nb', 'ovsdb-server'] as const
    for (const name of names) await engines.get(name)?.stop()
    this.#engines.clear()
    await this.#closeNames()
    await this.#gateway.remove()
    await this.#removeLinks()
    await rm(runDir, { recursive: true, force: true })
  }

  get #southbound(): Endpoint {
    const { central, runDir } = this.#options
    return 'southbound' in central ? central.southbound : `unix:${socketsIn(runDir).southbound}`
  }

  async #closeNames(): Promise<void> {
    await this.#guestNames?.close()
    this.#guestNames = undefined
  }

  get #offloads(): boolean {
    // The userspace datapath of Open vSwitch 3.1 drops large packets that should go into a tunnel to another host.
    const { central } = this.#options
    return this.#datapath === 'kernel' || !('southbound' in central || central.listen)
  }

  async #prepareHost(): Promise<void> {
    const { dataDir, runDir, logDir } = this.#options
    if (process.getuid?.() !== 0)
      throw new NetworkError('NotPermitted', 'the network needs root: start the agent as root')
    if (join(runDir, `${this.#names.bridge}.snoop`).length > 100)
      throw new NetworkError('Invalid', `the run folder ${runDir} is too long for sockets: choose a shorter one`)
    await this.#gateway.check()
    for (const folder of [dataDir, runDir, logDir]) await mkdir(folder, { recursive: true })
    // The server's user passes through to its one socket; the others are root's alone.
    await chmod(runDir, 0o755)
    // As udev has it: the file gives nothing but the question; whether an interface may be opened, its owner decides.
    await chmod('/dev/net/tun', 0o666).catch((cause: unknown) => {
      throw new NetworkError('NotPermitted', '/dev/net/tun cannot be opened to users: load the kernel module tun', {
        cause,
      })
    })
  }

  #engine(spec: EngineSpec): Engine {
    const known = this.#engines.get(spec.name)
    if (known) return known
    const { runDir, logDir, dataDir } = this.#options
    const folders = { OVS_RUNDIR: runDir, OVN_RUNDIR: runDir, OVS_LOGDIR: logDir, OVN_LOGDIR: logDir }
    const env = { ...folders, OVS_DBDIR: dataDir, OVS_SYSCONFDIR: dataDir }
    const engine = new Engine(spec, this.#commands, env, () => this.#onRestart(spec.name))
    this.#engines.set(spec.name, engine)
    return engine
  }

  #onRestart(name: EngineSpec['name']): void {
    this.#options.log?.('warn', `${name} ended and was started again`)
    if (name !== 'ovs-vswitchd') return
    // The gateway's interface outlives the switch as a rule; if it was made anew it has no address.
    const limit = AbortSignal.timeout(30_000)
    void this.#apply([], limit)
      .then(() => this.#gateway.setAddress())
      .catch((error: Error) => this.#options.log?.('warn', `the gateway was not restored: ${error.message}`))
  }

  /**
   * A host that was renamed is still there under its old name in the southbound database of a single host, with the same
   * tunnel address, which OVN refuses to have twice. Everything in that database is made anew by OVN.
   */
  async #forgetOldName(): Promise<void> {
    const { central, host, dataDir } = this.#options
    const before = this.#state().root?.external_ids['system-id']
    if ('southbound' in central || before === undefined || before === host) return
    const southbound = this.#engines.get('ovn-sb')
    await southbound?.stop()
    await rm(join(dataDir, 'sb.db'), { force: true })
    await southbound?.start()
  }

  async #startAll(specs: EngineSpec[]): Promise<void> {
    await Promise.all(specs.map((spec) => this.#engine(spec).start()))
  }

  /** Decides on the datapath; a running switch keeps its own. */
  async #daemons(): Promise<EngineSpec[]> {
    const specs = daemonSpecs(this.#options, 'userspace')
    const own = this.#engine(specs[0]!)
    const bridge = this.#state().bridge
    if (bridge && (await own.adopt())) this.#datapath = bridge.datapath_type === 'system' ? 'kernel' : 'userspace'
    else {
      const { netns } = this.#options
      const here = await readlink('/proc/self/ns/net')
      const others = netns ? [] : (await switchProcesses()).filter((one) => one.netns === here)
      this.#datapath = chooseDatapath(await kernelHasDatapath(this.#commands), {
        pids: others.map((one) => one.pid),
        interfaces: await this.#gateway.interfaces(),
      })
      this.#engines.delete('ovs-vswitchd')
    }
    return daemonSpecs(this.#options, this.#datapath)
  }

  #open(): Database<SwitchTables> {
    const endpoint = `unix:${socketsIn(this.#options.runDir).switch}` as const
    this.#database ??= new Database({
      schema: switchDatabase,
      endpoints: [endpoint],
      backoffMs: { first: 20, most: 500 },
    })
    return this.#database
  }

  #connected(): Database<SwitchTables> {
    if (!this.#database) throw new NetworkError('Closed', 'the network is not started')
    return this.#database
  }

  #state(): SwitchState {
    const database = this.#connected()
    return {
      root: [...database.rows('Open_vSwitch').values()][0],
      bridge: database.find('Bridge', 'name', this.#names.bridge),
      gateway: database.find('Interface', 'name', this.#names.gateway),
    }
  }

  #setup(): SwitchSetup {
    const { host, network, tunnelAddress } = this.#options
    const datapath = this.#datapath === 'kernel' ? 'system' : 'netdev'
    return {
      bridge: this.#names.bridge,
      datapath,
      otherConfig: {
        'userspace-tso-enable': String(datapath === 'netdev' && this.#offloads),
        'n-handler-threads': '1',
        'n-revalidator-threads': '1',
      },
      externalIds: {
        'system-id': host,
        hostname: host,
        'ovn-remote': this.#southbound,
        'ovn-encap-type': 'geneve',
        'ovn-encap-ip': tunnelAddress ?? '127.0.0.1',
        'ovn-bridge': this.#names.bridge,
        'ovn-bridge-datapath-type': datapath,
        'ovn-monitor-all': 'true',
      },
      gateway: {
        ifname: this.#names.gateway,
        mac: network.gatewayMac,
        mtu: network.mtu,
        port: managementGatewayPort,
      },
    }
  }

  /** Carry out operations and wait until the switch has followed them. */
  async #apply(operations: Operation[], signal: AbortSignal): Promise<void> {
    const database = this.#connected()
    const { root } = this.#state()
    const next = (root?.next_cfg ?? 0) + 1
    await database.transact([...operations, switchDatabase.update('Open_vSwitch', {}, { next_cfg: next })], signal)
    await database.until(() => ((this.#state().root?.cur_cfg ?? 0) >= next ? true : undefined), signal)
  }

  async #makeTap(lines: string[], ifname: string): Promise<void> {
    const result = await this.#commands.run('ip', ['-force', '-batch', '-'], {
      input: `${lines.join('\n')}\n`,
      mayFail: true,
    })
    // The first line makes the tap. It is refused as busy while a guest has it open, and then there is nothing to make.
    const refused = /^(.*)\nCommand failed -:1$/m.exec(result.stderr)?.[1]
    if (refused !== undefined && !refused.includes('busy'))
      throw new NetworkError('CommandFailed', `the tap ${ifname} could not be made: ${refused}`)
  }

  /** Remove taps and ports that are not to stay. A port without its tap is what a restart of the host leaves. */
  async #sweepPorts(stays: (ifname: string, exists: boolean) => boolean): Promise<string[]> {
    const existing = new Set(await this.#gateway.interfaces())
    const ports = [...this.#connected().rows('Port').values()].map((port) => port.name)
    const gone = [...new Set([...ports, ...existing])].filter(
      (ifname) => ifname.startsWith(this.#names.tapPrefix) && !stays(ifname, existing.has(ifname)),
    )
    await this.#remove(gone)
    return gone
  }

  /** Take interfaces off the switch and out of the kernel; those that are gone are fine. */
  async #remove(ifnames: readonly string[]): Promise<void> {
    if (ifnames.length === 0) return
    const database = this.#database
    // Before the start only the taps can go; their ports go at the start, being without taps then.
    if (!database?.connected) return await this.#deleteLinks(ifnames)
    const ports = ifnames.flatMap((ifname) => database.find('Port', 'name', ifname)?._uuid ?? [])
    await Promise.all([database.transact(planRemoval(this.#names.bridge, ports)), this.#deleteLinks(ifnames)])
  }

  async #deleteLinks(ifnames: readonly string[]): Promise<void> {
    const input = ifnames.map((ifname) => `link del dev ${ifname}\n`).join('')
    await this.#commands.run('ip', ['-force', '-batch', '-'], { input, mayFail: true })
  }

  /** What may be left in the kernel after the switch ended, or was killed. */
  async #removeLinks(): Promise<void> {
    const { bridge, gateway, tapPrefix } = this.#names
    const own = (name: string) => name === bridge || name === gateway || name.startsWith(tapPrefix)
    const left = (await this.#gateway.interfaces()).filter(own)
    if (left.length > 0) await this.#deleteLinks(left)
  }
}
