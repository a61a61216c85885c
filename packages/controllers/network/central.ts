import { managementGatewayPort, managementSwitch, type ManagementNetwork } from '@thresher/api/management-network'
import { Database } from '@thresher/ovsdb/database'
import type { Endpoint, TlsFiles } from '@thresher/ovsdb/endpoint'
import type { Change } from '@thresher/ovsdb/replica'
import { guardGroup, planGuards } from './guard-plan.ts'
import { guestNames, planNames } from './name-plan.ts'
import type { Network } from './networks.ts'
import { mark, northbound, type NorthboundRow, type NorthboundTables } from './northbound.ts'
import {
  identitiesOf,
  networkOf,
  ownerOf,
  planPorts,
  portName,
  taken,
  wantedIdentities,
  type Around,
  type Guest,
  type Nic,
} from './port-plan.ts'
import { planRules } from './rule-plan.ts'
import { isNetworkSwitch, planManagement, planSwitch, wirePort } from './switch-plan.ts'

type PortRow = NorthboundRow<'Logical_Switch_Port'>
type RuleRow = NorthboundRow<'ACL'>

/** Keys of the network controller beside those of guests, which have a slash. */
export const switchesKey = 'switches'
export const namesKey = 'names'

export interface CentralOptions {
  /** Where OVN's northbound database listens. */
  endpoints: Endpoint[]
  tls?: () => TlsFiles
  network: ManagementNetwork
}

/** The northbound database as the network controller works with it. */
export class Central {
  readonly database: Database<NorthboundTables>
  readonly #network: ManagementNetwork
  readonly #wake: (key: string) => void
  /** Identities of the ports of each guest. */
  readonly #ports = new Map<string, Set<string>>()
  /** Identities of the rules of each guest. */
  readonly #rules = new Map<string, Set<string>>()
  /** Identities of the ports that have an address, by its canonical form. */
  readonly #holders = new Map<string, Set<string>>()
  /** How many guests' ports each network has. */
  readonly #users = new Map<string, number>()
  /** Addresses in transactions that are under way, and for which port. */
  readonly #claims = new Map<string, string>()
  /** Guests that come at once wait for one and the same switch. */
  readonly #making = new Map<string, Promise<void>>()

  constructor({ endpoints, tls, network }: CentralOptions, wake: (key: string) => void) {
    this.#network = network
    this.#wake = wake
    // The agent brings the database up, often after the server; trying a socket costs nothing.
    this.database = new Database({ schema: northbound, endpoints, tls, backoffMs: { first: 50, most: 500 } })
    this.database.onChange((changes) => changes.forEach((change) => this.#follow(change)))
    this.database.onConnection((connected) => {
      wake(switchesKey)
      if (!connected) return
      wake(namesKey)
      for (const key of new Set([...this.#ports.keys(), ...this.#rules.keys()])) wake(key)
    })
  }

  close(): Promise<void> {
    return this.database.close()
  }

  /** The ports that a guest has now. */
  portsOf(key: string): PortRow[] {
    const rows = this.database.rows('Logical_Switch_Port')
    return [...(this.#ports.get(key) ?? [])].flatMap((uuid) => rows.get(uuid) ?? [])
  }

  /** The rules that a guest has now. */
  rulesOf(key: string): RuleRow[] {
    const rows = this.database.rows('ACL')
    return [...(this.#rules.get(key) ?? [])].flatMap((uuid) => rows.get(uuid) ?? [])
  }

  /** Make all switches that are missing or wrong, and take away those that no definition and no guest needs any more. */
  async makeSwitches(networks: Iterable<Network>, signal: AbortSignal): Promise<void> {
    const wanted = new Map([...networks].map((network) => [network.id, network]))
    await this.#makeManagement(signal)
    const others = [...wanted.values()].filter(({ id }) => id !== managementSwitch)
    await this.database.transact(
      others.flatMap((network) => planSwitch(this.#switchRows(network), network)),
      signal,
    )
    const gone = [...this.database.rows('Logical_Switch').values()].filter(
      (row) => isNetworkSwitch(row) && !wanted.has(row.name) && !this.#users.get(row.name),
    )
    const removals = gone.map(({ _uuid }) => northbound.delete('Logical_Switch', { _uuid }))
    await this.database.transact(removals, signal)
  }

  /** Make sure that the switches of these networks are there. */
  async needSwitches(networks: Iterable<Network>, signal: AbortSignal): Promise<void> {
    for (const network of new Map([...networks].map((one) => [one.id, one])).values()) {
      const isThere = network.id === managementSwitch ? this.#isManagementMade() : this.#hasSwitch(network)
      if (isThere) continue
      const making = this.#making.get(network.id) ?? this.#make(network, signal)
      this.#making.set(network.id, making)
      await making.finally(() => this.#making.delete(network.id))
    }
  }

  async writeNames(signal: AbortSignal): Promise<void> {
    const { names } = this.#management()
    if (!names) return
    const wanted = guestNames(this.database.rows('Logical_Switch_Port').values(), this.#network)
    await this.database.transact(planNames(names, wanted), signal)
  }

  /**
   * Make the changes for a guest's NICs while their addresses are its own: guests are looked at side by side, and of two that
   * ask for one address at once the second must not pass before the first one's port is there.
   *
   * @returns why not, when an address is another's; nothing is changed then
   */
  async writePorts(guest: Guest, nics: readonly Nic[], ports: readonly PortRow[], signal: AbortSignal) {
    const claimed = new Map<string, string>()
    // What a guest takes from a NIC of its own changes hands in one transaction.
    const names = new Set([...ports.map((port) => port.name), ...nics.map((nic) => portName(guest, nic.name))])
    for (const nic of nics)
      for (const identity of wantedIdentities(nic)) {
        const own = portName(guest, nic.name)
        const holder = claimed.get(identity) ?? this.#holderOf(identity, names)
        if (holder !== undefined) return taken(identity, guest, holder)
        claimed.set(identity, own)
      }
    // Nothing has been awaited since the look: no other guest came between.
    for (const [identity, own] of claimed) this.#claims.set(identity, own)
    try {
      const rules = planRules(guest, nics, this.rulesOf(`${guest.namespace}/${guest.name}`))
      await this.database.transact([...planPorts(guest, nics, ports, this.#around()), ...rules], signal)
    } finally {
      for (const identity of claimed.keys()) this.#claims.delete(identity)
    }
    return undefined
  }

  /** Take ports of a guest away. */
  async removePorts(guest: Guest, ports: readonly PortRow[], signal: AbortSignal): Promise<void> {
    const rules = planRules(guest, [], this.rulesOf(`${guest.namespace}/${guest.name}`))
    await this.database.transact([...planPorts(guest, [], ports, this.#around()), ...rules], signal)
  }

  #follow({ table, uuid, before, after }: Change<NorthboundTables>): void {
    if (table === 'ACL') return this.#followRule(uuid, before as RuleRow | undefined, after as RuleRow | undefined)
    if (table === 'Logical_Switch_Port')
      return this.#followPort(uuid, before as PortRow | undefined, after as PortRow | undefined)
    // Members of the group come and go with their ports.
    const isOwnDoing = after && (table === 'DNS' || table === 'Port_Group')
    if (before && !isOwnDoing) this.#wake(switchesKey)
  }

  #followRule(uuid: string, before: RuleRow | undefined, after: RuleRow | undefined): void {
    const row = after ?? before
    const owner = row && ownerOf(row)
    if (!owner) {
      if (before?.external_ids[mark] !== undefined) this.#wake(switchesKey)
      return
    }
    const key = `${owner.namespace}/${owner.name}`
    note(this.#rules, key, uuid, after !== undefined)
    // One that was changed or taken away by others is put back.
    if (before) this.#wake(key)
  }

  #followPort(uuid: string, before: PortRow | undefined, after: PortRow | undefined): void {
    for (const identity of before ? identitiesOf(before) : []) note(this.#holders, identity, uuid, false)
    for (const identity of after ? identitiesOf(after) : []) note(this.#holders, identity, uuid, true)
    const row = after ?? before
    const owner = row && ownerOf(row)
    if (!owner) {
      if (before?.external_ids[mark] !== undefined) this.#wake(switchesKey)
      return
    }
    const key = `${owner.namespace}/${owner.name}`
    note(this.#ports, key, uuid, after !== undefined)
    if (before) this.#count(before, -1)
    if (after) this.#count(after, 1)
    this.#wake(key)
    this.#wake(namesKey)
  }

  #count(port: PortRow, by: 1 | -1): void {
    const network = networkOf(port)
    const users = (this.#users.get(network) ?? 0) + by
    this.#users.set(network, users)
    if (users === 0) this.#wake(switchesKey)
  }

  async #make(network: Network, signal: AbortSignal): Promise<void> {
    if (network.id === managementSwitch) return await this.#makeManagement(signal)
    await this.database.transact(planSwitch(this.#switchRows(network), network), signal)
  }

  async #makeManagement(signal: AbortSignal): Promise<void> {
    const group = this.database.find('Port_Group', 'name', guardGroup)
    const guards = [...this.database.rows('ACL').values()].filter((row) => row.external_ids[mark] === 'guard')
    const operations = [...planManagement(this.#management(), this.#network), ...planGuards(group, guards)]
    await this.database.transact(operations, signal)
    // The server tells of a transaction's changes before it answers it.
    if (!this.#isManagementMade()) throw new Error('the management switch was taken away while it was made')
    if (!group) for (const key of this.#ports.keys()) this.#wake(key)
  }

  #isManagementMade(): boolean {
    const { switch: made, dhcp } = this.#management()
    return (
      made !== undefined && dhcp !== undefined && this.database.find('Port_Group', 'name', guardGroup) !== undefined
    )
  }

  #hasSwitch({ id }: Network): boolean {
    return this.database.find('Logical_Switch', 'name', id) !== undefined
  }

  #around(): Around {
    const dhcp = this.#management().dhcp?._uuid
    return {
      dhcp: new Map(dhcp === undefined ? [] : [[managementSwitch, dhcp]]),
      isGuarded: (port) => this.database.find('Port_Group', 'name', guardGroup)?.ports.includes(port) ?? false,
    }
  }

  /** The port, other than these, that has an address or is about to. */
  #holderOf(identity: string, own: ReadonlySet<string>): string | undefined {
    const claim = this.#claims.get(identity)
    if (claim !== undefined && !own.has(claim)) return claim
    const holders = this.#holders.get(identity) ?? new Set()
    const rows = this.database.rows('Logical_Switch_Port')
    return [...holders].flatMap((uuid) => rows.get(uuid)?.name ?? []).find((name) => !own.has(name))
  }

  #switchRows(network: Network): Parameters<typeof planSwitch>[0] {
    return {
      switch: this.database.find('Logical_Switch', 'name', network.id),
      wire: this.database.find('Logical_Switch_Port', 'name', wirePort(network)),
    }
  }

  #management(): Parameters<typeof planManagement>[0] {
    const ours = <R extends { external_ids: Readonly<Record<string, string>> }>(rows: ReadonlyMap<string, R>) =>
      [...rows.values()].find((row) => row.external_ids[mark] === managementSwitch)
    return {
      switch: this.database.find('Logical_Switch', 'name', managementSwitch),
      gateway: this.database.find('Logical_Switch_Port', 'name', managementGatewayPort),
      dhcp: ours(this.database.rows('DHCP_Options')),
      names: ours(this.database.rows('DNS')),
    }
  }
}

/** Keep a set of identities under a key, and no key without any. */
function note(sets: Map<string, Set<string>>, key: string, uuid: string, exists: boolean): void {
  const set = sets.get(key) ?? new Set()
  if (exists) sets.set(key, set.add(uuid))
  else if (set.delete(uuid) && set.size === 0) sets.delete(key)
}
