import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { claimHost } from './host-claim.ts'
import { execute, run, type Outcome } from './run.ts'

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
  readonly #app: string

  private constructor(number: number, app: string, dataDir: string) {
    this.name = `thr${number}`
    this.#app = app
    this.dataDir = dataDir
    this.runDir = `/run/${this.name}`
    this.outside = `198.18.${number}.1`
    this.address = `198.18.${number}.2`
    this.guestSubnet = `10.${60 + (number % 100)}.0.0/16`
  }

  /**
   * Make a host. What a process that died left of the same host is taken down first.
   *
   * @param number tells hosts of one machine apart, 1 to 250; @param app the checkout to run
   * @throws {HostInUseError} when a living process has the host of this number
   */
  static async create(number: number, app: string): Promise<LabHost> {
    const dataDir = mkdtempSync(join(tmpdir(), `thr${number}-`))
    chmodSync(dataDir, 0o755)
    const host = new LabHost(number, app, dataDir)
    try {
      await claimHost(host.runDir, dataDir, (left) =>
        new LabHost(number, app, left.dataDir)[Symbol.asyncDispose]().catch(() => {}),
      )
    } catch (error) {
      rmSync(dataDir, { recursive: true, force: true })
      throw error
    }
    await host.#removeNamespace()
    const { name } = host
    await run('ip', ['netns', 'add', name])
    await run('ip', ['link', 'add', `${name}-up`, 'type', 'veth', 'peer', 'name', 'uplink0', 'netns', name])
    await run('ip', ['address', 'add', `${host.outside}/24`, 'dev', `${name}-up`])
    await run('ip', ['link', 'set', `${name}-up`, 'up'])
    await run('ip', ['-n', name, 'link', 'set', 'lo', 'up'])
    await run('ip', ['-n', name, 'address', 'add', `${host.address}/24`, 'dev', 'uplink0'])
    await run('ip', ['-n', name, 'link', 'set', 'uplink0', 'up'])
    await run('ip', ['-n', name, 'route', 'add', 'default', 'via', host.outside])
    return host
  }

  /** A host that {@link create} made in another process. */
  static attach(number: number, app: string, dataDir: string): LabHost {
    return new LabHost(number, app, dataDir)
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
      ...extra,
    ])
    if (outcome.code !== 0) throw new Error(`thresher up: ${outcome.stderr}${outcome.stdout}`)
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
    await execute('ip', ['link', 'delete', `${this.name}-up`])
    await execute('ip', ['netns', 'delete', this.name])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const down = await this.thresher(['down', '--purge'])
    await this.#removeNamespace()
    rmSync(this.dataDir, { recursive: true, force: true })
    rmSync(this.runDir, { recursive: true, force: true })
    if (down.code !== 0) throw new Error(`thresher down: ${down.stderr}`)
  }
}
