import { LabHost, type LabMember } from './lab-host.ts'
import { LabNetworks } from './lab-networks.ts'

/** Several hosts on this machine that form one cluster; the first one runs the server. */
export class LabCluster implements AsyncDisposable {
  readonly hosts: LabHost[]
  readonly #networks: LabNetworks

  private constructor(hosts: LabHost[], networks: LabNetworks) {
    this.hosts = hosts
    this.#networks = networks
  }

  /**
   * Make the hosts, bring up the first and have the others join it, all at once.
   *
   * @param number tells labs of one machine apart, 1 to 250; @param app the checkout to run
   * @throws {HostInUseError} when a living process has a lab of this number; with a host's words when it does not come up
   */
  static async create(number: number, app: string, count: number): Promise<LabCluster> {
    const hosts: LabHost[] = []
    const cluster = new LabCluster(hosts, await LabNetworks.create(number))
    try {
      for (let index = 1; index <= count; index++)
        hosts.push(await LabHost.create(number, app, { member: { index, networks: cluster.#networks } }))
      await cluster.first.up()
      await Promise.all(hosts.slice(1).map((host) => cluster.join(host)))
      return cluster
    } catch (error) {
      await cluster[Symbol.asyncDispose]().catch(() => {})
      throw error
    }
  }

  /** One that {@link create} made in another process. @param dataDirs of its hosts, in their order */
  static attach(number: number, app: string, dataDirs: readonly string[]): LabCluster {
    const networks = LabNetworks.attach(number)
    const member = (at: number): LabMember => ({ index: at + 1, networks })
    return new LabCluster(
      dataDirs.map((dataDir, at) => LabHost.attach(number, app, dataDir, member(at))),
      networks,
    )
  }

  /** The host with the server. */
  get first(): LabHost {
    return this.hosts[0]!
  }

  /** Have a host join, with a token of its own. */
  async join(host: LabHost): Promise<void> {
    const made = await this.first.thresher(['token', 'create', '--ttl', '10m'])
    if (made.code !== 0) throw new Error(`thresher token create: ${made.stderr}`)
    await host.join(made.stdout)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The others first: they need nothing of the server to end.
    const ended = await Promise.allSettled(this.hosts.toReversed().map((host) => host[Symbol.asyncDispose]()))
    await this.#networks[Symbol.asyncDispose]()
    const failed = ended.find((one) => one.status === 'rejected')
    if (failed) throw failed.reason
  }
}
