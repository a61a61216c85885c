import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { claimHost } from './host-claim.ts'
import type { LabNetworks } from './lab-networks.ts'
import { execute, run, type Outcome } from './run.ts'

/** The place of a host among several: its number from 1, and the networks that join them. */
export interface LabMember {
  index: number
  networks: LabNetworks
}

const tunnelDevice = 'tunnel0'

/** How a lab host differs from the usual. */
export interface LabHostOptions {
  /** Give the host's data a disk of this size, in memory; they lie on this machine's own disk unless said. */
  diskBytes?: number
  /** Make it one of several hosts. */
  member?: LabMember
}

/**
 * A host of its own on this machine: a network namespace with an uplink to this machine, and folders of its own, so that
 * several installations, and the one the machine may really run, do not meet.
 *
 * The machine's end of the uplink is `outside`, the host's is `address`; both lie in 198.18.0.0/15, the range that
 * RFC 2544 keeps for such tests.
 */
export class LabHost implements AsyncDisposable {
  readonly name: string
  readonly dataDir: string
  readonly runDir: string
  readonly address: string
  readonly outside: string
  readonly guestSubnet: string
  /** Where tunnels to other hosts end; only hosts of a {@link LabNetworks} have it. */
  readonly tunnelAddress: string
  readonly #app: string

  readonly #networks: LabNetworks | undefined

  private constructor(number: number, app: string, dataDir: string, member?: LabMember) {
    this.name = member ? `thr${number}-${member.index}` : `thr${number}`
    this.#app = app
    this.#networks = member?.networks
    this.dataDir = dataDir
    this.runDir = `/run/${this.name}`
    this.outside = `198.18.${number}.1`
    this.address = `198.18.${number}.${1 + (member?.index ?? 1)}`
    this.tunnelAddress = `198.19.${number}.${1 + (member?.index ?? 1)}`
    this.guestSubnet = `10.${60 + (number % 100)}.0.0/16`
  }

  /**
   * Make a host. What a process that died left of the same host is taken down first.
   *
   * @param number tells hosts of one machine apart, 1 to 250; @param app the checkout to run
   * @throws {HostInUseError} when a living process has the host of this number
   */
  static async create(number: number, app: string, { diskBytes, member }: LabHostOptions = {}): Promise<LabHost> {
    const dataDir = mkdtempSync(join(tmpdir(), `thr${number}-`))
    chmodSync(dataDir, 0o755)
    const host = new LabHost(number, app, dataDir, member)
    try {
      await claimHost(host.runDir, dataDir, (left) =>
        new LabHost(number, app, left.dataDir, member)[Symbol.asyncDispose]().catch(() => {}),
      )
    } catch (error) {
      rmSync(dataDir, { recursive: true, force: true })
      throw error
    }
    await host.#removeNamespace()
    if (diskBytes !== undefined)
      await run('mount', ['-t', 'tmpfs', '-o', `size=${diskBytes},mode=755`, host.name, dataDir])
    const { name } = host
    await run('ip', ['netns', 'add', name])
    await run('ip', ['link', 'add', `${name}-up`, 'type', 'veth', 'peer', 'name', 'uplink0', 'netns', name])
    if (member) await run('ip', ['link', 'set', `${name}-up`, 'master', member.networks.bridge])
    else await run('ip', ['address', 'add', `${host.outside}/24`, 'dev', `${name}-up`])
    await run('ip', ['link', 'set', `${name}-up`, 'up'])
    await run('ip', ['-n', name, 'link', 'set', 'lo', 'up'])
    await run('ip', ['-n', name, 'address', 'add', `${host.address}/24`, 'dev', 'uplink0'])
    await run('ip', ['-n', name, 'link', 'set', 'uplink0', 'up'])
    await run('ip', ['-n', name, 'route', 'add', 'default', 'via', host.outside])
    if (member) await host.#addTunnelDevice(member.networks)
    return host
  }

  /** A host that {@link create} made in another process. */
  static attach(number: number, app: string, dataDir: string, member?: LabMember): LabHost {
    return new LabHost(number, app, dataDir, member)
  }

  /** Run a program in this host's network. `ip netns exec` would hide the cgroups, so nsenter. */
  run(program: string, args: string[], options: { timeoutMs?: number; input?: string } = {}): Promise<Outcome> {
    return execute('nsenter', [`--net=/run/netns/${this.name}`, program, ...args], options)
  }

  /** Run the product's own command line on this host. */
  thresher(args: string[], options: { input?: string; timeoutMs?: number } = {}): Promise<Outcome> {
    return this.run(join(this.#app, 'thresher'), ['--data-dir', this.dataDir, '--run-dir', this.runDir, ...args], {
      timeoutMs: 240_000,
      ...options,
    })
  }

  /** Bring the product up. @throws with its words when it does not come up */
  async up(extra: string[] = []): Promise<void> {
    const outcome = await this.thresher([
      'up',
      '--listen',
      `${this.address}:6443`,
      '--node-name',
      this.name,
      '--guest-subnet',
      this.guestSubnet,
      // The machine's own systemd knows nothing of this host's network namespace.
      '--services',
      'supervisor',
      ...this.#tunnelOptions,
      ...extra,
    ])
    if (outcome.code !== 0) throw new Error(`thresher up: ${outcome.stderr}${outcome.stdout}`)
  }

  /** Make this host a further one of a cluster. @param command what `thresher token create` showed there @throws as {@link up} */
  async join(command: string): Promise<void> {
    const given = command.trim().split(/\s+/).slice(1)
    const own = ['--node-name', this.name, '--services', 'supervisor', ...this.#tunnelOptions]
    const outcome = await this.thresher([...given, ...own])
    if (outcome.code !== 0) throw new Error(`thresher join: ${outcome.stderr}${outcome.stdout}`)
  }

  /** As when the power fails: every process of the host is gone at once. Its disk stays. */
  async cutPower(): Promise<void> {
    // What ends others (a supervisor that starts them again) may be hit after them, so until none is left.
    for (;;) {
      const { stdout } = await execute('ip', ['netns', 'pids', this.name])
      const pids = stdout.split('\n').flatMap((line) => (line.trim() === '' ? [] : Number(line)))
      if (pids.length === 0) return
      for (const pid of pids)
        try {
          process.kill(pid, 'SIGKILL')
        } catch {
          // It has just ended.
        }
    }
  }

  /** Take the host off its networks, or put it back; its processes run on. */
  async partition(isCut: boolean): Promise<void> {
    for (const end of [`${this.name}-up`, ...(this.#networks ? [`${this.name}-tn`] : [])])
      await run('ip', ['link', 'set', end, isCut ? 'down' : 'up'])
  }

  get #tunnelOptions(): string[] {
    return this.#networks ? ['--tunnel-device', tunnelDevice] : []
  }

  async #addTunnelDevice({ tunnelBridge }: LabNetworks): Promise<void> {
    const { name } = this
    await run('ip', ['link', 'add', `${name}-tn`, 'type', 'veth', 'peer', 'name', tunnelDevice, 'netns', name])
    await run('ip', ['link', 'set', `${name}-tn`, 'master', tunnelBridge, 'up'])
    await run('ip', ['-n', name, 'address', 'add', `${this.tunnelAddress}/24`, 'dev', tunnelDevice])
    await run('ip', ['-n', name, 'link', 'set', tunnelDevice, 'up'])
  }

  /** The administrator's kubeconfig; its server address is reachable from this machine. */
  get kubeconfig(): string {
    return join(this.dataDir, 'admin.kubeconfig')
  }

  /** Run kubectl against this host, with a cache of its own. */
  kubectl(args: string[], options: { input?: string; timeoutMs?: number } = {}): Promise<Outcome> {
    return execute(
      'kubectl',
      ['--kubeconfig', this.kubeconfig, '--cache-dir', join(this.dataDir, 'kubectl-cache'), ...args],
      options,
    )
  }

  async #removeNamespace(): Promise<void> {
    for (const end of ['up', 'tn']) await execute('ip', ['link', 'delete', `${this.name}-${end}`])
    await execute('ip', ['netns', 'delete', this.name])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const down = await this.thresher(['down', '--purge'])
    // What a failed end has left must not live on in a network that nobody finds again.
    await this.cutPower()
    await this.#removeNamespace()
    // Where its data have a disk of their own; elsewhere this does nothing.
    await execute('umount', [this.dataDir])
    rmSync(this.dataDir, { recursive: true, force: true })
    rmSync(this.runDir, { recursive: true, force: true })
    if (down.code !== 0) throw new Error(`thresher down: ${down.stderr}`)
  }
}
