import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import type { PodNic } from '@thresher/api/pod-network'
import type { FileOwner } from '../../storage/storage-folders.ts'
import type { ComputeHost } from '../host.ts'
import type { QmpClient } from '../qmp.ts'
import type { RunRecord } from '../run-record.ts'
import { HotCards } from './hot-cards.ts'
import { HotDrives, type DriveState, type WantedDrives } from './hot-drives.ts'
import { Retry } from './retry.ts'

/** What comes to a running guest and goes from it: drives and network cards. */
export class HotPlug {
  readonly #drives: HotDrives
  readonly #cards: HotCards
  readonly #retry: Retry
  readonly #record: RunRecord
  readonly #host: Pick<ComputeHost, 'storage' | 'network' | 'log'>

  /** @param again has {@link converge} called, in turn with whatever else the run does */
  constructor(
    run: { host: Pick<ComputeHost, 'storage' | 'network' | 'log'>; record: RunRecord; user(): FileOwner },
    again: () => void,
  ) {
    this.#drives = new HotDrives(run)
    this.#cards = new HotCards(run)
    this.#record = run.record
    this.#host = run.host
    this.#retry = new Retry(again)
  }

  /** Drives that are coming or going, by name. */
  get drives(): ReadonlyMap<string, DriveState> {
    return this.#drives.states
  }

  /** Why network cards could not be brought to what is wanted, by name. */
  get cardFailures(): ReadonlyMap<string, string> {
    return this.#cards.failures
  }

  /** @returns whether that is new, so that there may be something to do */
  want(drives: WantedDrives, vmi: VirtualMachineInstance, nics: readonly PodNic[]): boolean {
    const isNew = [this.#drives.want(drives), this.#cards.want(vmi, nics)].includes(true)
    if (isNew) this.#retry.reset()
    return isNew
  }

  /** Pull out the cables that are to be out from the start. */
  async startLinks(qmp: QmpClient, vmi: VirtualMachineInstance): Promise<void> {
    for (const { name, state } of vmi.spec.domain.devices.interfaces ?? []) {
      if (state !== 'down') continue
      await qmp.execute('set_link', { name: `net-${name}`, up: false })
      this.#cards.linked(`net-${name}`, false)
    }
  }

  /** QEMU has taken a device away. */
  deleted(device: string): void {
    this.#drives.deleted(device)
    this.#cards.deleted(device)
  }

  /** Bring the guest to what is wanted, as far as that can be now; tried again later when something is left. */
  async converge(qmp: QmpClient): Promise<void> {
    let left = true
    try {
      const drives = await this.#drives.converge(qmp)
      left = (await this.#cards.converge(qmp)) || drives
    } catch (error) {
      // A QEMU that does not answer is asked nothing more: whoever wants to end it waits for this.
      left = this.#failed(qmp, error)
    }
    if (left) this.#retry.later()
    else this.#retry.reset()
  }

  stop(): void {
    this.#retry.reset()
  }

  #failed(qmp: QmpClient, error: unknown): boolean {
    // When QEMU is gone so are its devices.
    if (!qmp.ended) this.#host.log('warn', `${this.#record.title}: its devices: ${(error as Error).message}`)
    return !qmp.ended
  }
}
