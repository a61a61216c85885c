import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { managementNetwork, managementSwitch } from '@thresher/api/management-network'
import { northbound, type NorthboundTables } from '@thresher/controllers/network/northbound'
import { guestNames, planNames } from '@thresher/controllers/network/name-plan'
import { addressOf, planPorts, portName, type Nic } from '@thresher/controllers/network/port-plan'
import { planRules } from '@thresher/controllers/network/rule-plan'
import { planGuards } from '@thresher/controllers/network/guard-plan'
import { managementOf, type Offer } from '@thresher/controllers/network/networks'
import { planManagement, planSwitch } from '@thresher/controllers/network/switch-plan'
import { Database } from '@thresher/ovsdb/database'
import { namesOf } from './names.ts'
import { OvnNetwork, type OvnNetworkOptions } from './ovn-network.ts'
import { switchDatabase } from './switch-database.ts'
import { planPort } from './switch-plan.ts'

const run = promisify(execFile)

/** An address in the world outside, where a peer serves. */
export const outside = '198.51.100.2'

/**
 * A host in a network namespace with an uplink to a second one, its network driver, and what the network controller does
 * to the northbound database. Guests are namespaces of their own, plugged in by a veth in place of a tap.
 */
export class TestHost implements AsyncDisposable {
  readonly folder: string
  readonly network = managementNetwork()
  static readonly names = namesOf('thr0')
  readonly names = TestHost.names
  readonly #id: string
  readonly #namespaces: string[] = []
  readonly #children = new AbortController()
  #northbound: Database<NorthboundTables> | undefined

  private constructor(folder: string, id: string) {
    this.folder = folder
    this.#id = id
  }

  static async create(): Promise<TestHost> {
    const folder = await mkdtemp(join(tmpdir(), 'thn-'))
    const host = new TestHost(folder, folder.slice(-6).toLowerCase())
    await host.#addNamespace('host')
    await host.#addNamespace('out')
    const [inner, outer] = [host.netns('host'), host.netns('out')]
    await ip('link', 'add', 'up0', 'netns', inner, 'type', 'veth', 'peer', 'name', 'up0', 'netns', outer)
    for (const [netns, address] of [
      [inner, '198.51.100.1/24'],
      [outer, `${outside}/24`],
    ] as const) {
      await ip('-n', netns, 'address', 'add', address, 'dev', 'up0')
      await ip('-n', netns, 'link', 'set', 'up0', 'up')
    }
    await ip('-n', inner, 'route', 'add', 'default', 'via', outside)
    await writeFile(join(folder, 'resolv.conf'), `nameserver ${outside}\n`)
    return host
  }

  /** The full name of one of this host's namespaces. */
  netns(name: string): string {
    return `thn-${this.#id}-${name}`
  }

  driver(more: Partial<OvnNetworkOptions> = {}): OvnNetwork {
    return new OvnNetwork({
      dataDir: join(this.folder, 'data'),
      runDir: join(this.folder, 'run'),
      logDir: join(this.folder, 'log'),
      host: 'h1',
      network: this.network,
      central: {},
      netns: `/run/netns/${this.netns('host')}`,
      resolverFiles: [join(this.folder, 'resolv.conf')],
      // Where the peers serve.
      guard: { openPorts: [5001], guestUids: { first: 1_950_000_000, count: 65_536 } },
      ...more,
    })
  }

  /** The northbound database with the management switch in it. */
  async northbound(): Promise<Database<NorthboundTables>> {
    if (this.#northbound) return this.#northbound
    const database = new Database({ schema: northbound, endpoints: [`unix:${join(this.folder, 'run/nb.sock')}`] })
    this.#northbound = database
    await database.ready(AbortSignal.timeout(5000))
    const rows = {
      switch: database.find('Logical_Switch', 'name', managementSwitch),
      gateway: undefined,
      dhcp: undefined,
      names: undefined,
    }
    if (!rows.switch) await database.transact([...planManagement(rows, this.network), ...planGuards(undefined, [])])
    return database
  }

  /** Make a guest's port, as the network controller does. @returns its name, and its address where it gets one from us */
  async port(
    guest: string,
    mac: string,
    { ports = [], offer = { network: managementOf(this.network) } }: { ports?: Nic['ports']; offer?: Offer } = {},
  ): Promise<{ port: string; address: string }> {
    const database = await this.northbound()
    const who = { namespace: 'default', name: guest }
    const nics = [{ name: 'default', mac, ports, ...offer }]
    const dhcp = new Map([[managementSwitch, [...database.rows('DHCP_Options').keys()][0]!]])
    const around = { dhcp, isGuarded: () => false }
    const { network } = offer
    if (!database.find('Logical_Switch', 'name', network.id))
      await database.transact(planSwitch({ switch: undefined, wire: undefined }, network))
    const row = () => database.find('Logical_Switch_Port', 'name', portName(who, 'default'))
    await database.transact([...planPorts(who, nics, [], around), ...planRules(who, nics, [])])
    if (!network.addressing) return { port: portName(who, 'default'), address: '' }
    const limit = AbortSignal.timeout(5000)
    const address = await database.until(() => row() && addressOf(row()!), limit)
    await database.transact(planPorts(who, nics, [row()!], around))
    const names = [...database.rows('DNS').values()][0]!
    await database.transact(planNames(names, guestNames(database.rows('Logical_Switch_Port').values(), this.network)))
    return { port: portName(who, 'default'), address }
  }

  /** A namespace in place of a guest. Its side of the cable is `eth0`, without an address. */
  async guest(name: string, mac: string, port: string): Promise<void> {
    await this.#addNamespace(name)
    await this.replug(name, mac, port)
  }

  /** Give a guest a new cable. */
  async replug(name: string, mac: string, port: string): Promise<void> {
    const ifname = `${this.names.tapPrefix}-${name}`
    const [host, guest] = [this.netns('host'), this.netns(name)]
    await ip('link', 'add', ifname, 'netns', host, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', guest)
    await ip('-n', host, 'link', 'set', ifname, 'arp', 'off', 'addrgenmode', 'none', 'up')
    await ip('-n', guest, 'link', 'set', 'eth0', 'address', mac, 'up')
    await ip('-n', guest, 'route', 'add', '255.255.255.255', 'dev', 'eth0')
    await using database = new Database({
      schema: switchDatabase,
      endpoints: [`unix:${join(this.folder, 'run/db.sock')}`],
    })
    const limit = AbortSignal.timeout(5000)
    await database.ready(limit)
    await database.transact(planPort(undefined, this.names.bridge, { ifname, port, mac, owner: name }))
    await database.until(
      () => database.find('Interface', 'name', ifname)?.external_ids['ovn-installed'] === 'true' || undefined,
      limit,
    )
  }

  /** Do as a DHCP client does with its lease. */
  async configure(name: string, address: string): Promise<void> {
    const guest = this.netns(name)
    await ip('-n', guest, 'link', 'set', 'eth0', 'mtu', String(this.network.mtu))
    await ip('-n', guest, 'address', 'add', `${address}/${this.network.prefix}`, 'dev', 'eth0')
    await ip('-n', guest, 'route', 'add', 'default', 'via', this.network.gateway)
  }

  /** Run a deed of `testing-peer.ts` in a namespace. @returns what it says first */
  async peer(name: string, ...deed: string[]): Promise<Record<string, unknown>> {
    const args = [`--net=/run/netns/${this.netns(name)}`, process.execPath, peerProgram, ...deed]
    const { stdout } = await run('nsenter', args, { timeout: 15_000 }).catch((error: { stdout: string }) => error)
    return JSON.parse(stdout.split('\n')[0] || '{"error":"said nothing"}') as Record<string, unknown>
  }

  /** Let a peer serve in a namespace until the end of the test. */
  async serve(name: string): Promise<void> {
    const args = [`--net=/run/netns/${this.netns(name)}`, process.execPath, peerProgram, 'serve']
    const env = { ...process.env, PEER_TIMEOUT_MS: '120000' }
    await new Promise<void>((done, fail) => {
      const child = execFile('nsenter', args, { signal: this.#children.signal, env }, (error) => error && fail(error))
      child.stdout?.once('data', () => done())
    })
  }

  /** What is left in the host's namespace: interfaces, and tables of nftables. */
  async leftovers(): Promise<{ interfaces: string[]; tables: string }> {
    const { stdout } = await run('ip', ['-n', this.netns('host'), '-json', 'link', 'show'])
    const links = JSON.parse(stdout) as { ifname: string }[]
    const tables = await run('nsenter', [`--net=/run/netns/${this.netns('host')}`, 'nft', 'list', 'tables'])
    return { interfaces: links.map((link) => link.ifname).toSorted(), tables: tables.stdout.trim() }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#children.abort()
    await this.#northbound?.close()
    const driver = this.driver()
    await driver.down()
    for (const netns of this.#namespaces) await ip('netns', 'delete', netns)
    await rm(this.folder, { recursive: true, force: true })
  }

  async #addNamespace(name: string): Promise<void> {
    await ip('netns', 'add', this.netns(name))
    this.#namespaces.push(this.netns(name))
    await ip('-n', this.netns(name), 'link', 'set', 'lo', 'up')
  }
}

const peerProgram = join(import.meta.dirname, 'testing-peer.ts')

async function ip(...args: string[]): Promise<void> {
  await run('ip', args)
}
