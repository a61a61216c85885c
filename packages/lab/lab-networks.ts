import { rmSync } from 'node:fs'
import { claimHost } from './host-claim.ts'
import { execute, run } from './run.ts'

/**
 * The networks between several hosts on this machine: one that they and this machine are on, one for tunnels between them. Each is a
 * bridge of this machine's.
 */
export class LabNetworks implements AsyncDisposable {
  readonly bridge: string
  readonly tunnelBridge: string
  readonly #runDir: string

  private constructor(number: number) {
    this.bridge = `thr${number}-br`
    this.tunnelBridge = `thr${number}-tb`
    this.#runDir = `/run/thr${number}-lab`
  }

  /**
   * Make them; those that a process which died left are made anew.
   *
   * @param number tells labs of one machine apart, 1 to 250
   * @throws {HostInUseError} when a living process has a lab of this number
   */
  static async create(number: number): Promise<LabNetworks> {
    const networks = new LabNetworks(number)
    await claimHost(networks.#runDir, '', () => networks.#remove())
    await networks.#remove()
    for (const bridge of [networks.bridge, networks.tunnelBridge]) {
      await run('ip', ['link', 'add', bridge, 'type', 'bridge'])
      await run('ip', ['link', 'set', bridge, 'up'])
    }
    await run('ip', ['address', 'add', `198.18.${number}.1/24`, 'dev', networks.bridge])
    return networks
  }

  /** Those that {@link create} made in another process. */
  static attach(number: number): LabNetworks {
    return new LabNetworks(number)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#remove()
    rmSync(this.#runDir, { recursive: true, force: true })
  }

  async #remove(): Promise<void> {
    for (const bridge of [this.bridge, this.tunnelBridge]) await execute('ip', ['link', 'delete', bridge])
  }
}
