import type { ManagementNetwork } from '@thresher/api/management-network'
import type { Commands } from './commands.ts'
import { DnsForwarder, type OwnAnswer } from './dns-forwarder.ts'
import {
  conflictingRoute,
  planGateway,
  planRules,
  planRulesRemoval,
  type DnsTarget,
  type HostRoute,
} from './host-plan.ts'
import type { HostGuard } from './host-guard.ts'
import type { Names } from './names.ts'
import { NetworkError } from './network-driver.ts'
import { Resolver, type DnsRoute } from './resolver.ts'

export interface GatewayOptions {
  commands: Commands
  names: Names
  network: ManagementNetwork
  resolverFiles?: readonly string[]
  /** What of the host guests reach; nothing but DNS and ICMP unless said. */
  guard?: HostGuard | undefined
  /** Answers questions about guests. */
  ownNames?: OwnAnswer
  log?: (level: 'info' | 'warn', message: string) => void
}

interface Link {
  ifname: string
  flags?: string[]
  addr_info?: { family: string; local: string; prefixlen: number }[]
}

/** The host as its guests' gateway: an address on the switch, forwarding, NAT and DNS. */
export class Gateway {
  readonly #options: GatewayOptions
  readonly #resolver: Resolver
  #forwarder: DnsForwarder | undefined
  #forwarderPort = 0
  /** The rules that were brought in last, as the kernel lists them. */
  #rules: string | undefined
  #applying: Promise<void> = Promise.resolve()
  #started = false
  #closing = false

  constructor(options: GatewayOptions) {
    this.#options = options
    this.#resolver = new Resolver(options.resolverFiles)
  }

  /** How the guests' questions travel now. */
  get dns(): DnsRoute {
    const { mode, servers } = this.#resolver.route
    return { mode: this.#forwarder ? 'forwarded' : mode, servers }
  }

  /** @throws {NetworkError} `SubnetInUse` when the host already reaches some of the guests' addresses elsewhere */
  async check(): Promise<void> {
    const { commands, names, network } = this.#options
    const routes = await this.#json<HostRoute[]>(commands.run('ip', ['-json', '-4', 'route', 'show']))
    const conflict = conflictingRoute(routes, network, names)
    if (conflict)
      throw new NetworkError(
        'SubnetInUse',
        `the management network ${network.subnet} overlaps the host's route to ${conflict.dst}` +
          `${conflict.dev ? ` on ${conflict.dev}` : ''}: choose another subnet for it`,
      )
  }

  /** The names of all interfaces of the host. */
  async interfaces(): Promise<string[]> {
    return [...(await this.links()).keys()]
  }

  /** All interfaces of the host, and whether they are up. */
  async links(): Promise<Map<string, boolean>> {
    const links = await this.#json<Link[]>(this.#options.commands.run('ip', ['-json', 'link', 'show']))
    return new Map(links.map(({ ifname, flags }) => [ifname, flags?.includes('UP') ?? false]))
  }

  /** Give the gateway interface, which must exist, its one address. */
  async setAddress(): Promise<void> {
    const { commands, names, network } = this.#options
    const now = await this.#addresses()
    await commands.run('ip', ['-batch', '-'], { input: `${planGateway(network, names, now).join('\n')}\n` })
  }

  /** Make the host the gateway: its address, forwarding, translation, and name servers for the guests. */
  async start(): Promise<void> {
    await this.setAddress()
    await this.forward()
    this.#closing = false
    await this.#resolver.read()
    await this.#apply()
    this.#started = true
    await this.#resolver.watch((route) => {
      this.#options.log?.('info', `the guests' DNS questions now go to ${route.servers.join(', ') || 'nowhere'}`)
      void this.#apply().catch((error: Error) => this.#options.log?.('warn', error.message))
    })
  }

  /** Whether the gateway's interface is up and has its one address. @throws {NetworkError} when there is no interface */
  async hasAddress(): Promise<boolean> {
    const { names, network } = this.#options
    const isUp = (await this.links()).get(names.gateway)
    return isUp === true && (await this.#addresses()).join() === `${network.gateway}/${network.prefix}`
  }

  /** Whether the host forwards packets at all. */
  async forwards(): Promise<boolean> {
    return (await this.#options.commands.setting('net.ipv4.ip_forward')) === '1'
  }

  /** Let the host forward packets. */
  async forward(): Promise<void> {
    if (!(await this.forwards())) await this.#options.commands.changeSetting('net.ipv4.ip_forward', '1')
  }

  /** Whether the host's rules are what was brought in last. */
  async hasRules(): Promise<boolean> {
    await this.#applying.catch(() => {})
    return this.#rules !== undefined && (await this.#listRules()) === this.#rules
  }

  /** Bring the rules in again. */
  restoreRules(): Promise<void> {
    return this.#apply()
  }

  /** Let go. While no agent runs, the guests' questions go straight to a name server that they can reach, if there is one. */
  async close(): Promise<void> {
    await this.#stopForwarding()
    if (this.#started && this.#resolver.route.mode === 'direct')
      await this.#apply().catch((error: Error) => this.#options.log?.('warn', error.message))
  }

  /** Remove the rules; the interface goes with the switch. */
  async remove(): Promise<void> {
    await this.#stopForwarding()
    const { commands, names } = this.#options
    await commands.run('nft', ['-f', '-'], { input: planRulesRemoval(names) })
    this.#started = false
  }

  async #stopForwarding(): Promise<void> {
    this.#closing = true
    this.#resolver.close()
    await this.#applying.catch(() => {})
    await this.#forwarder?.close()
    this.#forwarder = undefined
  }

  /** Bring the rules in, one change after the other. */
  #apply(): Promise<void> {
    const next = this.#applying
      .catch(() => {})
      .then(async () => {
        const { commands, names, network, guard = { openPorts: [] } } = this.#options
        const target = await this.#target(this.#resolver.route)
        await commands.run('nft', ['-f', '-'], { input: planRules(network, names, target, guard) })
        this.#rules = await this.#listRules()
      })
    this.#applying = next
    return next
  }

  async #listRules(): Promise<string | undefined> {
    const { commands, names } = this.#options
    const { code, stdout } = await commands.run('nft', ['list', 'table', 'inet', names.table], { mayFail: true })
    return code === 0 ? stdout : undefined
  }

  async #addresses(): Promise<string[]> {
    const { commands, names } = this.#options
    const [link] = await this.#json<Link[]>(
      commands.run('ip', ['-json', '-4', 'address', 'show', 'dev', names.gateway]),
    )
    return (link?.addr_info ?? []).map((one) => `${one.local}/${one.prefixlen}`)
  }

  /** Where the guests' questions go: to the forwarder, or while there is none to a server that guests can reach. */
  async #target(route: DnsRoute): Promise<DnsTarget | undefined> {
    const { network, ownNames, log } = this.#options
    if (this.#forwarder) this.#forwarder.servers = route.servers
    else if (!this.#closing) {
      const forwarder = new DnsForwarder(route.servers, ownNames)
      try {
        this.#forwarderPort = await forwarder.listen(network.gateway)
        this.#forwarder = forwarder
      } catch (error) {
        log?.('warn', `the guests' questions are not answered here: ${(error as Error).message}`)
        await forwarder.close()
      }
    }
    if (this.#forwarder) return { address: network.gateway, port: this.#forwarderPort }
    const [first] = route.servers
    return route.mode === 'direct' && first !== undefined ? { address: first, port: 53 } : undefined
  }

  async #json<T>(output: Promise<{ stdout: string }>): Promise<T> {
    return JSON.parse((await output).stdout || '[]') as T
  }
}
