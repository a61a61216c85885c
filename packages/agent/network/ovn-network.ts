import { readFileSync } from 'node:fs'
import { chmod, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ManagementNetwork } from '@thresher/api/management-network'
import type { Endpoint, TlsFiles } from '@thresher/ovsdb/endpoint'
import { Commands } from './commands.ts'
import { socketsIn, type Central, type EngineSpec, type TlsPaths } from './engine-specs.ts'
import { Engines } from './engines.ts'
import { Gateway } from './gateway.ts'
import { GuestNames } from './guest-names.ts'
import type { HostGuard } from './host-guard.ts'
import { HostSwitch } from './host-switch.ts'
import { namesOf, tapName, type Names } from './names.ts'
import {
  NetworkError,
  type NetworkDriver,
  type NetworkStatus,
  type NicId,
  type NicRequest,
  type PluggedNic,
} from './network-driver.ts'
import { reportChanges } from './network-changes.ts'
import type { NetworkFindings } from './network-part.ts'
import { networkParts } from './network-parts.ts'
import { NetworkWatch, type WatchTimes } from './network-watch.ts'
import { Ports } from './ports.ts'
import { switchDatabase } from './switch-database.ts'
import { planBridge, planSettings, type SwitchSetup, type SwitchState } from './switch-plan.ts'
import { switchSetup } from './switch-setup.ts'
import { moveAddresses, planTunnelBridge, tunnelDeviceKey } from './tunnel-device.ts'

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
  /**
   * The NIC that has this address, and nothing else to carry. Needed for tunnels where the kernel has no datapath of Open vSwitch: the
   * switch then forwards the NIC's packets itself.
   */
  tunnelDevice?: string
  /** Tells instances on one machine apart: 1 to 8 of a-z and 0-9; `thr0` unless given. */
  instance?: string
  /** What of the host guests reach; nothing but DNS and ICMP unless said. */
  guard?: HostGuard
  /** Where the host's name servers are listed. */
  resolverFiles?: readonly string[]
  /** The network namespace to work in, such as `/run/netns/h1`; this process's own unless given. */
  netns?: string
  log?: (level: 'info' | 'warn', message: string) => void
  /** Called when something was taken away from the host's network, and when it was put back. */
  onFindings?: (findings: NetworkFindings) => void
  /** Other than usual, for tests. */
  watchTimes?: Partial<WatchTimes>
}

/** The guests' networks by OVN on Open vSwitch, the host being their gateway. */
export class OvnNetwork implements NetworkDriver {
  readonly #options: OvnNetworkOptions
  readonly #commands: Commands
  readonly #names: Names
  readonly #gateway: Gateway
  readonly #engines: Engines
  readonly #switch: HostSwitch
  readonly #ports: Ports
  #watch: NetworkWatch | undefined
  #watching = new AbortController()
  #guestNames: GuestNames | undefined

  constructor(options: OvnNetworkOptions) {
    this.#options = options
    const { network, resolverFiles, log, runDir } = options
    const commands = new Commands(options.netns)
    const names = namesOf(options.instance ?? 'thr0')
    this.#names = names
    this.#commands = commands
    this.#switch = new HostSwitch(runDir)
    this.#engines = new Engines({
      ...options,
      commands,
      onRestart: (name) => this.#onRestart(name),
      onEnd: () => this.#watch?.changed(),
    })
    this.#gateway = new Gateway({
      commands,
      names,
      network,
      resolverFiles,
      guard: options.guard,
      ownNames: (message, question) => this.#guestNames?.answer(message, question),
      log,
    })
    const interfaces = () => this.#gateway.interfaces()
    this.#ports = new Ports({ commands, names, network, hostSwitch: this.#switch, interfaces })
  }

  async start(): Promise<void> {
    await this.#prepareHost()
    const limit = AbortSignal.timeout(60_000)
    await this.#engines.startDatabases()
    const database = this.#switch.open()
    await database.ready(limit)
    await this.#forgetOldName()
    await this.#engines.chooseDatapath(this.#state().bridge?.datapath_type, await this.#gateway.interfaces())
    await database.transact(planSettings(this.#state(), this.#setup()), limit)
    // OVN's controller waits a second before it looks for the bridge again, so the bridge comes first.
    await this.#engines.startSwitch()
    await this.#switch.apply(planBridge(this.#state(), this.#setup()), limit)
    await this.#takeTunnelDevice(limit)
    this.#openNames()
    await Promise.all([
      this.#engines.startController(),
      this.#gateway.start(),
      this.#ports.sweep((_ifname, exists) => exists),
    ])
    this.#keepWatch()
  }

  async plug(request: NicRequest, signal?: AbortSignal): Promise<PluggedNic> {
    return { ...(await this.#ports.plug(request, signal)), offloads: this.#offloads }
  }

  ready(nic: NicId, signal?: AbortSignal): Promise<void> {
    return this.#ports.ready(nic, signal)
  }

  unplug(nic: NicId): Promise<void> {
    return this.#ports.unplug(nic)
  }

  async sweep(known: Iterable<NicId>): Promise<string[]> {
    const keep = new Set([...known].map((nic) => tapName(this.#names, nic)))
    const swept = await this.#ports.sweep((ifname) => keep.has(ifname))
    this.#ports.keep(keep)
    return swept
  }

  /** Hold the ports of these taps as they are now on the switch for those that should be there. */
  keep(ifnames: Iterable<string>): void {
    this.#ports.keep(ifnames)
  }

  async status(): Promise<NetworkStatus> {
    const { network } = this.#options
    return {
      engines: await this.#engines.status(),
      datapath: this.#engines.datapath,
      bridge: this.#names.bridge,
      gateway: {
        ifname: this.#names.gateway,
        address: network.gateway,
        subnet: network.subnet,
        mac: network.gatewayMac,
        mtu: network.mtu,
      },
      dns: this.#gateway.dns,
      ports: this.#ports.list(),
      faults: (this.#watch?.faults ?? []).map(({ message }) => message),
    }
  }

  async close(): Promise<void> {
    await this.#endWatch()
    await this.#engines.release()
    await this.#switch.close()
    await this.#gateway.close()
    await this.#closeNames()
  }

  async down(): Promise<void> {
    await this.#endWatch()
    if (await this.#engines.adopt()) await this.#removeBridge()
    await this.#switch.close()
    await this.#engines.stop()
    await this.#closeNames()
    await this.#gateway.remove()
    await this.#ports.removeLinks()
    await rm(this.#options.runDir, { recursive: true, force: true })
  }

  /** Have everything looked at whenever the kernel or the switch's database report a change. */
  #keepWatch(): void {
    if (this.#watch) return
    const parts = networkParts({
      names: this.#names,
      runDir: this.#options.runDir,
      engines: this.#engines,
      hostSwitch: this.#switch,
      gateway: this.#gateway,
      ports: this.#ports,
      plan: () => ({
        settings: planSettings(this.#state(), this.#setup()),
        bridge: planBridge(this.#state(), this.#setup()),
      }),
    })
    const report = (findings: NetworkFindings): void => this.#options.onFindings?.(findings)
    const watch = new NetworkWatch(parts, report, this.#options.watchTimes)
    this.#watch = watch
    this.#watching = new AbortController()
    reportChanges({
      commands: this.#commands,
      names: this.#names,
      runDir: this.#options.runDir,
      database: this.#switch.database,
      changed: () => watch.changed(),
      signal: this.#watching.signal,
    })
  }

  async #endWatch(): Promise<void> {
    this.#watching.abort()
    await this.#watch?.close()
    this.#watch = undefined
  }

  /** A running switch gives back what it made in the kernel when its bridge goes. */
  async #removeBridge(): Promise<void> {
    const limit = AbortSignal.timeout(5000)
    const database = this.#switch.open()
    try {
      await database.ready(limit)
      const { bridge } = this.#state()
      const tunnels = database.find('Bridge', 'name', this.#names.tunnelBridge)
      const device = tunnels?.external_ids[tunnelDeviceKey]
      if (device !== undefined) await moveAddresses(this.#commands, this.#names.tunnelBridge, device)
      const bridges = [bridge, tunnels].flatMap((one) => one?._uuid ?? [])
      if (bridges.length > 0)
        await this.#switch.apply([switchDatabase.mutate('Open_vSwitch', {}, { bridges: { delete: bridges } })], limit)
    } catch (error) {
      this.#options.log?.('warn', `the switch did not give its ports back: ${(error as Error).message}`)
    }
  }

  /** Where the southbound database is from now on: hosts that manage the cluster come and go. */
  async moveSouthbound(southbound: Endpoint[]): Promise<void> {
    const { central } = this.#options
    if (!('southbound' in central) || central.southbound.join() === southbound.join()) return
    central.southbound = southbound
    await this.#closeNames()
    this.#openNames()
    await this.#switch.database.transact(planSettings(this.#state(), this.#setup()))
  }

  get #southbound(): Endpoint[] {
    const { central, runDir } = this.#options
    return 'southbound' in central ? central.southbound : [`unix:${socketsIn(runDir).southbound}`]
  }

  #openNames(): void {
    const { central, network } = this.#options
    const tls = 'southbound' in central ? () => readTls(central.tls) : undefined
    this.#guestNames ??= new GuestNames({ endpoints: this.#southbound, tls }, network.domain)
  }

  /** Without the kernel's help Open vSwitch sends tunnels' packets only through a bridge of its own, so that gets the device. */
  async #takeTunnelDevice(limit: AbortSignal): Promise<void> {
    const { tunnelDevice: device } = this.#options
    if (device === undefined || this.#engines.datapath === 'kernel') return
    const bridge = this.#names.tunnelBridge
    const { database } = this.#switch
    await this.#switch.apply(planTunnelBridge(database.find('Bridge', 'name', bridge), { bridge, device }), limit)
    await moveAddresses(this.#commands, device, bridge)
  }

  async #closeNames(): Promise<void> {
    await this.#guestNames?.close()
    this.#guestNames = undefined
  }

  get #offloads(): boolean {
    // The userspace datapath of Open vSwitch 3.1 drops large packets that should go into a tunnel to another host.
    return this.#engines.datapath === 'kernel' || this.#options.tunnelDevice === undefined
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

  #onRestart(name: EngineSpec['name']): void {
    this.#options.log?.('warn', `${name} ended and was started again`)
    const ended = { part: 'engines', name, message: `${name} ended`, done: 'it was started again' }
    this.#options.onFindings?.({ mended: [ended], left: [] })
    if (name !== 'ovs-vswitchd') return
    // The gateway's interface outlives the switch as a rule; if it was made anew it has no address.
    const limit = AbortSignal.timeout(30_000)
    void this.#switch
      .apply([], limit)
      .then(() => Promise.all([this.#gateway.setAddress(), this.#takeTunnelDevice(limit)]))
      .catch((error: Error) => this.#options.log?.('warn', `the gateway was not restored: ${error.message}`))
  }

  /**
   * A host that was renamed is still there under its old name in the southbound database of a single host, with the same
   * tunnel address, which OVN refuses to have twice. Everything in that database is made anew by OVN.
   */
  async #forgetOldName(): Promise<void> {
    const { central, host } = this.#options
    const before = this.#state().root?.external_ids['system-id']
    if ('southbound' in central || before === undefined || before === host) return
    await this.#engines.forgetSouthbound()
  }

  #state(): SwitchState {
    const { database } = this.#switch
    return {
      root: [...database.rows('Open_vSwitch').values()][0],
      bridge: database.find('Bridge', 'name', this.#names.bridge),
      gateway: database.find('Interface', 'name', this.#names.gateway),
    }
  }

  #setup(): SwitchSetup {
    const { host, network, tunnelAddress } = this.#options
    return switchSetup({
      names: this.#names,
      network,
      host,
      datapath: this.#engines.datapath,
      offloads: this.#offloads,
      southbound: this.#southbound,
      tunnelAddress,
    })
  }
}

function readTls({ ca, cert, key }: TlsPaths): TlsFiles {
  return { ca: readFileSync(ca, 'utf8'), cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') }
}
