import { Pod } from '@thresher/api/core/pod'
import { isReason } from '@thresher/api/error'
import { failureWords } from '@thresher/api/failure-words'
import { managementGatewayPort, managementSwitch, type ManagementNetwork } from '@thresher/api/management-network'
import { appLabel, launcherApp, machineNameLabel } from '@thresher/api/names'
import { networkAnnotation, writeNics } from '@thresher/api/pod-network'
import { ClusterNetwork } from '@thresher/api/network/cluster-network'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { watch, type Context, type Controller, type Result, type Source } from '@thresher/client/controller'
import { subjectIs } from '@thresher/client/subject'
import { Database } from '@thresher/ovsdb/database'
import type { Endpoint, TlsFiles } from '@thresher/ovsdb/endpoint'
import { showManagement } from './cluster-network.ts'
import { guestNames, planNames } from './name-plan.ts'
import { nicNamesOf, nicsOf } from './guest-nics.ts'
import { mark, northbound, type NorthboundRow, type NorthboundTables } from './northbound.ts'
import {
  admitNic,
  describeNics,
  identitiesOf,
  ownerOf,
  planPorts,
  portName,
  taken,
  type Guest,
  type Nic,
} from './port-plan.ts'
import { planRules } from './rule-plan.ts'
import { planManagement } from './switch-plan.ts'

type PortRow = NorthboundRow<'Logical_Switch_Port'>
type RuleRow = NorthboundRow<'ACL'>

export interface NetworkControllerOptions {
  /** Where OVN's northbound database listens. */
  endpoints: Endpoint[]
  tls?: () => TlsFiles
  network: ManagementNetwork
  /** How long one look may wait for the database before it counts as failed; ten seconds unless given. */
  patienceMs?: number
}

/** Keys beside those of guests, which have a slash. */
const switchKey = 'switch'
const namesKey = 'names'
/** After how long what should be there at once is late, in milliseconds. */
const patienceMs = 10_000

/**
 * Keeps OVN's northbound database as the guests need it: the management switch, a port with an address for each NIC for as
 * long as its machine exists, the guests' names. Tells a guest's pod where it is plugged in.
 *
 * What OVN answers (addresses) and what others change there wakes it as changes in the API do.
 */
export function networkController(options: NetworkControllerOptions): Controller {
  let central: Central | undefined
  const source: Source = (wake, context) => {
    central = new Central(options, wake)
    context.signal.addEventListener('abort', () => void central?.close(), { once: true })
  }
  return {
    name: 'network',
    subject: subjectIs(VirtualMachineInstance, undefined, (key) => (key.includes('/') ? key : undefined)),
    workers: 8,
    keys: [switchKey],
    sources: [source],
    watches: [
      watch(VirtualMachineInstance),
      watch(VirtualMachine),
      watch(Pod, (pod) => guestKey(pod), { guest: guestKey }),
      watch(ClusterNetwork, ({ metadata }) => (metadata.name === managementSwitch ? [switchKey] : [])),
    ],
    async reconcile(key, context) {
      if (!central) return
      const limit = AbortSignal.any([context.signal, AbortSignal.timeout(options.patienceMs ?? patienceMs)])
      await central.database.ready(limit).catch(async (error: unknown) => {
        const instance = context.objects(VirtualMachineInstance).get(key)
        const why = failureWords(central?.database.failure ?? error)
        if (instance && !context.signal.aborted)
          context.events.record({
            object: instance,
            type: 'Warning',
            reason: 'NetworkNotReady',
            message: `the network's database does not answer (${why}): is the agent on its host running?`,
          })
        const failure = `the northbound database does not answer: ${why}`
        if (key === switchKey && !context.signal.aborted) await showManagement(options.network.subnet, failure, context)
        throw new Error(failure, { cause: error })
      })
      if (key === switchKey) {
        await central.makeSwitch(limit)
        await showManagement(options.network.subnet, undefined, context)
      } else if (key === namesKey) await central.writeNames(limit)
      else return await reconcileGuest(key, central, options.network, context, limit)
    },
  }
}

/** The northbound database as the controller works with it. */
class Central {
  readonly database: Database<NorthboundTables>
  readonly #network: ManagementNetwork
  /** Identities of the ports of each guest. */
  readonly #ports = new Map<string, Set<string>>()
  /** Identities of the rules of each guest. */
  readonly #rules = new Map<string, Set<string>>()
  /** Identities of the ports that have an address, by its canonical form. */
  readonly #holders = new Map<string, Set<string>>()
  /** Addresses in transactions that are under way, and for which port. */
  readonly #claims = new Map<string, string>()
  /** Guests that come at once wait for one and the same switch. */
  #making: Promise<string> | undefined

  constructor(options: NetworkControllerOptions, wake: (key: string) => void) {
    const { endpoints, tls, network } = options
    this.#network = network
    // The agent brings the database up, often after the server; trying a socket costs nothing.
    this.database = new Database({ schema: northbound, endpoints, tls, backoffMs: { first: 50, most: 500 } })
    this.database.onChange((changes) => {
      for (const { table, uuid, before, after } of changes) {
        if (table === 'ACL') {
          const owner = ownerOf((after ?? before) as RuleRow)
          if (!owner) continue
          note(this.#rules, `${owner.namespace}/${owner.name}`, uuid, after !== undefined)
          // One that was changed or taken away by others is put back.
          if (before) wake(`${owner.namespace}/${owner.name}`)
          continue
        }
        if (table !== 'Logical_Switch_Port') {
          if (before && !(after && table === 'DNS')) wake(switchKey)
          continue
        }
        for (const identity of before ? identitiesOf(before as PortRow) : []) note(this.#holders, identity, uuid, false)
        for (const identity of after ? identitiesOf(after as PortRow) : []) note(this.#holders, identity, uuid, true)
        const owner = ownerOf((after ?? before) as PortRow)
        if (!owner) continue
        const key = `${owner.namespace}/${owner.name}`
        note(this.#ports, key, uuid, after !== undefined)
        wake(key)
        wake(namesKey)
      }
    })
    this.database.onConnection((connected) => {
      wake(switchKey)
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

  /** Make the switch with all that belongs to it. @returns the identity of its DHCP options */
  async makeSwitch(signal: AbortSignal): Promise<string> {
    this.#making ??= this.#makeSwitch(signal).finally(() => (this.#making = undefined))
    return await this.#making
  }

  async #makeSwitch(signal: AbortSignal): Promise<string> {
    await this.database.transact(planManagement(this.#management(), this.#network), signal)
    // The server tells of a transaction's changes before it answers it.
    const made = this.dhcp
    if (made === undefined) throw new Error('the management switch was taken away while it was made')
    return made
  }

  get dhcp(): string | undefined {
    return this.#management().switch && this.#management().dhcp?._uuid
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
  async writePorts(guest: Guest, nics: readonly Nic[], ports: readonly PortRow[], dhcp: string, signal: AbortSignal) {
    const claimed = new Map<string, string>()
    // What a guest takes from a NIC of its own changes hands in one transaction.
    const names = new Set([...ports.map((port) => port.name), ...nics.map((nic) => portName(guest, nic.name))])
    for (const nic of nics)
      for (const identity of nic.address === undefined ? [nic.mac] : [nic.mac, nic.address]) {
        const own = portName(guest, nic.name)
        const holder = claimed.get(identity) ?? this.#holderOf(identity, names)
        if (holder !== undefined) return taken(identity, guest, holder)
        claimed.set(identity, own)
      }
    // Nothing has been awaited since the look: no other guest came between.
    for (const [identity, own] of claimed) this.#claims.set(identity, own)
    try {
      const rules = planRules(guest, nics, this.rulesOf(`${guest.namespace}/${guest.name}`))
      await this.database.transact([...planPorts(guest, nics, ports, dhcp), ...rules], signal)
    } finally {
      for (const identity of claimed.keys()) this.#claims.delete(identity)
    }
    return undefined
  }

  /** The port, other than these, that has an address or is about to. */
  #holderOf(identity: string, own: ReadonlySet<string>): string | undefined {
    const claim = this.#claims.get(identity)
    if (claim !== undefined && !own.has(claim)) return claim
    const holders = this.#holders.get(identity) ?? new Set()
    const rows = this.database.rows('Logical_Switch_Port')
    return [...holders].flatMap((uuid) => rows.get(uuid)?.name ?? []).find((name) => !own.has(name))
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

/** Give a guest its ports, and its pods the word of them. */
async function reconcileGuest(
  key: string,
  central: Central,
  network: ManagementNetwork,
  context: Context,
  signal: AbortSignal,
): Promise<Result | void> {
  const [namespace = '', name = ''] = key.split('/')
  const guest = { namespace, name }
  const instance = context.objects(VirtualMachineInstance).get(key)
  const machine = context.objects(VirtualMachine).get(key)
  const ports = central.portsOf(key)
  if (!instance && !machine && ports.length === 0 && central.rulesOf(key).length === 0) return
  const dhcp = central.dhcp ?? (await central.makeSwitch(signal))
  if (!instance) {
    // A stopped machine keeps the addresses of the NICs that it will have again.
    const kept = new Set(machine ? nicNamesOf(machine) : [])
    const keep = ports.flatMap((port) => {
      const owner = ownerOf(port)
      return owner && kept.has(owner.nic) ? [port] : []
    })
    const gone = ports.filter((port) => !keep.includes(port))
    const rules = planRules(guest, [], central.rulesOf(key))
    await central.database.transact([...planPorts(guest, [], gone, dhcp), ...rules], signal)
    return
  }
  const admitted = nicsOf(instance).map((nic) => admitNic(nic, network))
  const nics = admitted.flatMap((one) => ('nic' in one ? [one.nic] : []))
  const [unfit] = admitted.flatMap((one) => ('problem' in one ? [one.problem] : []))
  const problem = unfit ?? (await central.writePorts(guest, nics, ports, dhcp, signal))
  if (problem !== undefined) {
    context.events.record({
      object: instance,
      type: 'Warning',
      reason: 'AddressRefused',
      message: `${problem}; change macAddress of the interface or the annotation thresher.io/addresses`,
    })
    return { afterMs: patienceMs }
  }
  const told = await annotatePods(guest, nics, central.portsOf(key), network, context)
  if (told) return
  return await explainDelay(instance, network, context)
}

/** Write the annotation of the guest's pods once all addresses are known. @returns whether they are */
async function annotatePods(
  guest: Guest,
  nics: readonly Nic[],
  ports: readonly PortRow[],
  network: ManagementNetwork,
  context: Context,
): Promise<boolean> {
  const described = describeNics(guest, nics, ports, network)
  if (!described) return false
  const text = writeNics(described)
  const pods = context.objects(Pod)
  const waiting = pods
    .byIndex('guest', `${guest.namespace}/${guest.name}`)
    .filter((pod) => !pod.metadata.deletionTimestamp && pod.metadata.annotations?.[networkAnnotation] !== text)
  await Promise.all(
    waiting.map((pod) =>
      pods.patch(pod, { metadata: { annotations: { [networkAnnotation]: text } } }).catch((error: unknown) => {
        if (!isReason(error, 'NotFound')) throw error
      }),
    ),
  )
  return true
}

/** OVN answers within milliseconds, so an address that does not come means that there is none, or that OVN does not run. */
async function explainDelay(
  instance: VirtualMachineInstance,
  network: ManagementNetwork,
  context: Context,
): Promise<Result> {
  const ageMs = context.now().getTime() - Date.parse(instance.metadata.creationTimestamp ?? '')
  if (ageMs > patienceMs)
    context.events.record({
      object: instance,
      type: 'Warning',
      reason: 'NoAddress',
      message: `no address of ${network.subnet} was given yet: it may be full, or ovn-northd may not run (thresher status)`,
    })
  return { afterMs: patienceMs }
}

/** The guest that a pod stands for, as a key. */
function guestKey(pod: Pod): string[] {
  const { labels, namespace } = pod.metadata
  const name = labels?.[machineNameLabel]
  return labels?.[appLabel] === launcherApp && name ? [`${namespace}/${name}`] : []
}
