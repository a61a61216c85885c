import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { placeDevices, readPlaces } from '@thresher/api/kubevirt/device-places'
import type { PodNic } from '@thresher/api/pod-network'
import type { ComputeHost } from '../host.ts'
import { hotCard } from '../qemu/hot-card.ts'
import { presentInterfaces } from '../qemu/interfaces.ts'
import type { QmpClient } from '../qmp.ts'
import type { RunRecord } from '../run-record.ts'
import { planCards, type CardFacts, type CardStep, type WantedCard } from './plan-cards.ts'
import { orDone } from './qemu-drives.ts'

/** The run whose cards these are. What is held is written down before it is taken. */
export interface CardOwner {
  readonly host: Pick<ComputeHost, 'network' | 'log'>
  readonly record: RunRecord
  /** The user that QEMU runs as, who must own the taps. */
  user(): { uid: number }
}

/** A guest that was asked to let go of a card is asked again after so long. */
const askAgainMs = 10_000
const stepsAtOnce = 16

/** The cards that an instance's guest should have. Pure. */
export function wantedCards(vmi: VirtualMachineInstance, nics: readonly PodNic[]): WantedCard[] {
  return presentInterfaces(vmi).map(({ name, state }) => {
    const nic = nics.find((one) => one.name === name)
    return { name, device: `net-${name}`, up: state !== 'down', ...(nic ? { nic } : {}) }
  })
}

/** Brings the network cards of a running guest to what is wanted: carries out what {@link planCards} decides. */
export class HotCards {
  readonly #run: CardOwner
  #vmi: VirtualMachineInstance | undefined
  #wanted: WantedCard[] = []
  #text = ''
  #failures = new Map<string, string>()
  readonly #links = new Map<string, boolean>()
  readonly #asked = new Map<string, number>()

  constructor(run: CardOwner) {
    this.#run = run
  }

  /** Why a card could not be brought to what is wanted, by its name. */
  get failures(): ReadonlyMap<string, string> {
    return this.#failures
  }

  /** Set what is wanted. @returns whether that is new */
  want(vmi: VirtualMachineInstance, nics: readonly PodNic[]): boolean {
    const wanted = wantedCards(vmi, nics)
    const text = JSON.stringify([wanted, vmi.spec.domain.devices.interfaces])
    this.#vmi = vmi
    this.#wanted = wanted
    if (text === this.#text) return false
    this.#text = text
    return true
  }

  /** A cable was set by somebody else, such as at the start. */
  linked(device: string, up: boolean): void {
    this.#links.set(device, up)
  }

  /** A card is gone from QEMU. */
  deleted(device: string): void {
    this.#asked.delete(device)
    this.#links.delete(device)
  }

  /** Take all steps that can be taken now. @returns whether to look again later, though nothing reports it */
  async converge(qmp: QmpClient): Promise<boolean> {
    if (!this.#vmi) return false
    const failures = new Map<string, string>()
    for (let taken = 0; taken < stepsAtOnce; taken++) {
      const step = planCards(await this.#facts(qmp)).find((one) => this.#canTake(one, failures))
      if (!step) break
      try {
        await this.#take(qmp, step)
      } catch (error) {
        failures.set(nameOf(step), explain(error as Error, nameOf(step)))
      }
    }
    this.#failures = failures
    return planCards(await this.#facts(qmp)).length > 0
  }

  async #facts(qmp: QmpClient): Promise<CardFacts> {
    const { holdings, config } = this.#run.record.state
    const devices = await qmp.execute('qom-list', { path: '/machine/peripheral' })
    return {
      wanted: this.#wanted,
      cards: config?.nics ?? [],
      held: holdings.flatMap(({ kind, name }) => (kind === 'nic' && name ? [name] : [])),
      devices: new Set(devices.map(({ name }) => name)),
      links: this.#links,
    }
  }

  #canTake(step: CardStep, failures: ReadonlyMap<string, string>): boolean {
    if (failures.has(nameOf(step))) return false
    return step.do !== 'detach' || Date.now() - (this.#asked.get(step.device) ?? 0) > askAgainMs
  }

  async #take(qmp: QmpClient, step: CardStep): Promise<void> {
    const { host, record } = this.#run
    const { uid, holdings, config } = record.state
    switch (step.do) {
      case 'detach':
        this.#asked.set(step.device, Date.now())
        return orDone(qmp.execute('device_del', { id: step.device }), /already in the process of unplug/)
      case 'close': {
        await orDone(qmp.execute('netdev_del', { id: `tap-${step.name}` }), /not found/)
        await host.network.unplug({ vmi: uid, nic: step.name })
        const left = holdings.filter(({ kind, name }) => kind !== 'nic' || name !== step.name)
        const nics = (config?.nics ?? []).filter(({ name }) => name !== step.name)
        record.write({ holdings: left, ...(config ? { config: { ...config, nics } } : {}) })
        return host.log('info', `${record.title}: the network card ${step.name} is detached`)
      }
      case 'attach':
        if (!holdings.some(({ kind, name }) => kind === 'nic' && name === step.card.name))
          record.write({ holdings: [...holdings, { kind: 'nic', name: step.card.name }] })
        return this.#attach(qmp, step.card.name, step.nic)
      case 'record':
        return this.#note(step.card, step.nic, (await this.#plug(step.nic)).ifname)
      case 'link':
        await qmp.execute('set_link', { name: step.device, up: step.up })
        this.#links.set(step.device, step.up)
        return host.log('info', `${record.title}: the cable of ${step.name} is ${step.up ? 'in' : 'out'}`)
    }
  }

  async #attach(qmp: QmpClient, name: string, nic: PodNic): Promise<void> {
    const tap = await this.#plug(nic)
    const vmi = this.#vmi!
    const places = placeDevices(readPlaces(vmi.metadata.annotations), vmi.spec)
    const { netdev, device } = hotCard({ vmi, places }, name, { mac: nic.mac, ...tap })
    await orDone(qmp.execute('netdev_add', netdev), /Duplicate ID/i)
    await qmp.execute('device_add', device)
  }

  /** The card's tap, connected; may be repeated. */
  #plug({ name, port, mac, ip, mtu }: PodNic): ReturnType<ComputeHost['network']['plug']> {
    const { uid } = this.#run.record.state
    const owner = this.#run.user().uid
    return this.#run.host.network.plug({ vmi: uid, nic: name, port, mac, address: ip, mtu, owner })
  }

  #note({ name, device }: WantedCard, { mac }: PodNic, ifname: string): void {
    const { config } = this.#run.record.state
    if (!config) return
    this.#run.record.write({ config: { ...config, nics: [...config.nics, { name, device, mac, ifname }] } })
    this.#run.host.log('info', `${this.#run.record.title}: the network card ${name} is attached`)
  }
}

function nameOf(step: CardStep): string {
  return 'card' in step ? step.card.name : step.name
}

function explain({ message }: Error, name: string): string {
  if (/Bus 'nicport\d+' not found/.test(message))
    return `there is no free port for the network card ${name} while the guest runs; restart it`
  return message
}
