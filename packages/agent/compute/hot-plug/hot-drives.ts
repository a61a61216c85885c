import type { DevicePlaces } from '@thresher/api/kubevirt/device-places'
import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import type { FileOwner } from '../../storage/storage-folders.ts'
import type { ComputeHost } from '../host.ts'
import { hotDrive, nextTarget } from '../qemu/hot-drive.ts'
import type { QmpClient } from '../qmp.ts'
import type { RunRecord } from '../run-record.ts'
import type { RunningConfig } from '../run-state.ts'
import { planDrives, type DriveFacts, type DriveStep, type WantedDrive } from './plan-drives.ts'
import { closeNodes, openNodes, orDone, qemuDrives } from './qemu-drives.ts'

/** How a drive fares that is not simply there. */
export interface DriveState {
  phase: 'Pending' | 'Detaching'
  reason: string
  /** A sentence. */
  message: string
}

/** The drives that a running guest should have. */
export interface WantedDrives {
  vmi: VirtualMachineInstance
  places: DevicePlaces
  drives: WantedDrive[]
}

/** The run whose drives these are. What is held is written down before it is taken. */
export interface DriveOwner {
  readonly host: Pick<ComputeHost, 'storage' | 'log'>
  readonly record: RunRecord
  /** The user that QEMU runs as. */
  user(): FileOwner
}

/** A guest that was asked to let go of a drive is asked again after so long. */
const askAgainMs = 10_000
/** After so many steps in a row others get their turn. */
const stepsAtOnce = 32

/**
 * Brings the drives of a running guest to what is wanted: carries out what {@link planDrives} decides, from what QEMU has. A
 * drive that cannot be brought there keeps none of the others from it.
 */
export class HotDrives {
  readonly #run: DriveOwner
  #wanted: WantedDrives | undefined
  #text = ''
  #states = new Map<string, DriveState>()
  /** When the guest was asked to let go of a drive, in milliseconds since 1970. */
  readonly #asked = new Map<string, number>()

  constructor(run: DriveOwner) {
    this.#run = run
  }

  /** How each drive fares that is not as it is wanted, by its name. */
  get states(): ReadonlyMap<string, DriveState> {
    return this.#states
  }

  /** Set what is wanted. @returns whether that is new */
  want(wanted: WantedDrives): boolean {
    const { volumes, domain } = wanted.vmi.spec
    const text = JSON.stringify([wanted.drives, wanted.places, volumes, domain.devices.disks])
    this.#wanted = wanted
    if (text === this.#text) return false
    this.#text = text
    return true
  }

  /** A drive is gone from QEMU. */
  deleted(device: string): void {
    this.#asked.delete(device)
  }

  /** Take all steps that can be taken now. @returns whether to look again later, though nothing reports it */
  async converge(qmp: QmpClient): Promise<boolean> {
    if (!this.#wanted) return false
    const failures = new Map<string, Error>()
    for (let taken = 0; taken < stepsAtOnce; taken++) {
      const facts = await this.#facts(qmp)
      const step = planDrives(facts).find((one) => this.#canTake(one, failures))
      if (!step) break
      try {
        await this.#take(qmp, step, facts)
      } catch (error) {
        failures.set(nameOf(step), error as Error)
      }
    }
    return this.#observe(await this.#facts(qmp), failures)
  }

  async #facts(qmp: QmpClient): Promise<DriveFacts> {
    const { holdings, config } = this.#run.record.state
    const held = holdings.flatMap(({ kind, name, node }) =>
      kind === 'volume' && name && node ? [{ id: name, node }] : [],
    )
    return { wanted: this.#wanted?.drives ?? [], disks: config?.disks ?? [], held, ...(await qemuDrives(qmp)) }
  }

  #canTake(step: DriveStep, failures: ReadonlyMap<string, Error>): boolean {
    if (failures.has(nameOf(step))) return false
    return step.do !== 'detach' || Date.now() - (this.#asked.get(step.device) ?? 0) > askAgainMs
  }

  async #take(qmp: QmpClient, step: DriveStep, { nodes, disks }: DriveFacts): Promise<void> {
    const { host, record } = this.#run
    switch (step.do) {
      case 'eject':
        await qmp.execute('blockdev-open-tray', { id: step.device, force: true })
        await qmp.execute('blockdev-remove-medium', { id: step.device })
        return
      case 'detach':
        this.#asked.set(step.device, Date.now())
        return orDone(qmp.execute('device_del', { id: step.device }), /already in the process of unplug/)
      case 'close':
        await closeNodes(qmp, step.node)
        await orDone(qmp.execute('object-del', { id: `iothread-${step.name}` }), /not found/)
        await host.storage.unpublish(step.id, this.#run.user())
        this.#forget(step.node)
        host.log('info', `${record.title}: the volume ${step.name} is detached`)
        return
      case 'open': {
        const { id } = step.volume
        const { node } = step.drive
        if (!record.state.holdings.some((one) => one.kind === 'volume' && one.name === id))
          record.write({ holdings: [...record.state.holdings, { kind: 'volume', name: id, node }] })
        const opened = await this.#drive(step.drive)
        return openNodes(qmp, nodes, opened.blockdevs)
      }
      case 'insert': {
        const { device, node } = step.drive
        await qmp.execute('blockdev-open-tray', { id: device, force: true })
        await qmp.execute('blockdev-insert-medium', { id: device, 'node-name': node })
        await qmp.execute('blockdev-close-tray', { id: device })
        return
      }
      case 'attach': {
        const { objects, device } = await this.#drive(step.drive)
        for (const object of objects) await orDone(qmp.execute('object-add', object), /duplicate/)
        await qmp.execute('device_add', device)
        return
      }
      case 'record':
        return this.#note(step.drive, disks)
    }
  }

  /** What QEMU is given for a drive; publishing its volume may be repeated. */
  async #drive({ name, node, volume }: WantedDrive): Promise<ReturnType<typeof hotDrive>> {
    const { vmi, places } = this.#wanted!
    const { id = '', readOnly, shared } = volume ?? {}
    const user = this.#run.user()
    // A running QEMU gets into no more groups, so this makes it the file's owner also where others share it.
    const opened = await this.#run.host.storage.publish(id, { nodeName: node, readOnly, shared, user, running: true })
    return hotDrive({ vmi, places, volumes: new Map([[name, opened]]) }, name)
  }

  /** Write down that a drive is there. */
  #note({ name, device, node, cdrom }: WantedDrive, disks: RunningConfig['disks']): void {
    const { config } = this.#run.record.state
    if (!config) return
    const before = disks.find((disk) => disk.name === name)
    const taken = disks.map((disk) => disk.target)
    const bus = this.#wanted?.vmi.spec.domain.devices.disks?.find((disk) => disk.name === name)?.disk?.bus
    const target = before?.target ?? nextTarget(bus === 'virtio' ? 'vd' : 'sd', taken)
    const disk = { name, device, nodeName: node, target, hot: true as const }
    this.#run.record.write({ config: { ...config, disks: [...disks.filter((one) => one !== before), disk] } })
    this.#run.host.log('info', `${this.#run.record.title}: the volume ${name} is ${cdrom ? 'inserted' : 'attached'}`)
  }

  /** Write down that a volume is given back: its drive is gone, or empty. */
  #forget(node: string): void {
    const { holdings, config } = this.#run.record.state
    const left = holdings.filter((one) => one.kind !== 'volume' || one.node !== node)
    const disks = (config?.disks ?? []).flatMap(({ nodeName, hot, ...disk }) => {
      if (nodeName !== node) return [{ ...disk, ...(nodeName ? { nodeName } : {}), ...(hot ? { hot } : {}) }]
      return this.#wanted?.vmi.spec.domain.devices.disks?.some(({ name, cdrom }) => name === disk.name && cdrom)
        ? [disk]
        : []
    })
    this.#run.record.write({ holdings: left, ...(config ? { config: { ...config, disks } } : {}) })
  }

  /** @returns whether something is still to be done */
  #observe(facts: DriveFacts, failures: ReadonlyMap<string, Error>): boolean {
    const states = new Map<string, DriveState>()
    for (const drive of facts.wanted) {
      const waits = this.#waits(drive, facts)
      if (waits) states.set(drive.name, { phase: 'Pending', reason: 'NotReady', message: waits })
    }
    const left = planDrives(facts)
    for (const step of left) {
      const name = nameOf(step)
      const error = failures.get(name)
      const detaching = step.do === 'detach' || step.do === 'eject' || step.do === 'close'
      states.set(name, {
        phase: detaching ? 'Detaching' : 'Pending',
        reason: error ? 'Failed' : 'Waiting',
        message: error ? explain(error, name) : `waits for the guest to let go of the disk ${name}`,
      })
    }
    this.#states = states
    return left.length > 0
  }

  #waits({ name, volume, cdrom, device, waitsFor }: WantedDrive, { devices }: DriveFacts): string | undefined {
    if (!volume) return `the volume ${name} waits for ${waitsFor ?? 'its claim'}`
    if (cdrom && !devices.has(device))
      return `the CD-ROM drive ${name} comes with the next start; restart ${this.#run.record.state.name} to use it`
    return undefined
  }
}

function nameOf(step: DriveStep): string {
  return 'drive' in step ? step.drive.name : step.name
}

/** QEMU's refusal in words that say what to do. */
function explain({ message }: Error, name: string): string {
  if (/Bus 'diskport\d+' not found/.test(message))
    return `there is no free port on virtio for the disk ${name} while the guest runs; restart it, or attach the disk on scsi`
  if (/Bus 'scsi0\.0' not found/.test(message))
    return `the guest was started without a SCSI controller, so the disk ${name} cannot come to it; restart it, or attach the disk on virtio`
  if (/Failed to get "?\w+"? lock/.test(message))
    return `the volume ${name} is open in another guest; detach it there, or mark the disk as shareable`
  return message
}
