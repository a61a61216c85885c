import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { askGuest, GuestRefusedError, GuestAgentError } from './guest-agent.ts'
import { makeQemuFile, readQemuFile } from './qemu-file.ts'
import { keyMs, type Chord } from './keyboard.ts'
import { mergeLayers, openDisks, switchLayers } from './open-disks.ts'
import type { LayerMerge, LayerSwitch } from '../storage/open-volumes.ts'
import type { QmpClient } from './qmp.ts'
import type { RunFolders } from './prepare.ts'
import { trustedSocket } from './trusted-socket.ts'
import { TaskQueue } from './task-queue.ts'

/** The run is not in a state in which this can be done. */
export class NotRunningError extends Error {
  override readonly name = 'NotRunningError'
}

/** What the operations need of a run. */
export interface ControlledRun {
  readonly name: string
  readonly folders: RunFolders
  /** The user that QEMU runs as. */
  user(): number
  /** Do something with QEMU's monitor, in turn. @throws {NotRunningError} */
  running<T>(task: (qmp: QmpClient) => Promise<T>): Promise<T>
  /** Have the guest restarted by its power button. */
  reboot(): void
  isPaused(): boolean
  hasGuestAgent(): boolean
  /** QEMU's name for the node of a volume that the run has open. */
  nodeOf(volume: string): string | undefined
}

const guestTimeoutMs = 5000
const statisticsMs = 1000

/** What can be done with a running guest. */
export class GuestControl {
  readonly #run: ControlledRun
  readonly #queue = new TaskQueue()
  readonly #keyboard = new TaskQueue()
  /** This process holds the guest's file systems still. */
  #holding = false

  constructor(run: ControlledRun) {
    this.#run = run
  }

  /** Look at something by QEMU's monitor, in turn. */
  monitor<T>(task: (qmp: QmpClient) => Promise<T>): Promise<T> {
    return this.#run.running(task)
  }

  pause(): Promise<void> {
    return this.#run.running(async (qmp) => {
      if (!this.#run.isPaused()) await qmp.execute('stop', {})
    })
  }

  unpause(): Promise<void> {
    return this.#run.running(async (qmp) => void (await qmp.execute('cont', {})))
  }

  /** Restart the guest at once, as its reset button does. QEMU stays. */
  reset(): Promise<void> {
    return this.#run.running(async (qmp) => void (await qmp.execute('system_reset', {})))
  }

  /** Ask the guest to restart: by its agent, else by its power button. */
  async softReboot(): Promise<void> {
    await this.#run.running(() => Promise.resolve())
    if (!this.#run.hasGuestAgent()) return this.#run.reboot()
    // The agent goes down with the guest and does not answer.
    await this.ask((ask) => Promise.race([ask('guest-shutdown', { mode: 'reboot' }), delay(500)]))
  }

  /**
   * Press keys, one chord after the other, as fast as a guest takes them. Whoever else types meanwhile waits.
   *
   * @throws {NotRunningError} when the guest ends before all is typed
   */
  type(chords: readonly Chord[]): Promise<void> {
    return this.#keyboard.run(async () => {
      for (const chord of chords) {
        const keys = chord.map((data) => ({ type: 'qcode' as const, data }))
        await this.#run.running((qmp) => qmp.execute('send-key', { keys, 'hold-time': keyMs }))
        // QEMU holds a chord's keys and lets them go one by one.
        await delay(keyMs * 2)
      }
    })
  }

  /** What the guest shows on its display, as PNG. */
  screenshot(): Promise<Buffer> {
    const { screen } = this.#run.folders
    return this.#run.running(async (qmp) => {
      // QEMU may write to the file that is there, but make none.
      makeQemuFile(screen, this.#run.user())
      await qmp.execute('screendump', { filename: screen, format: 'png' })
      try {
        return readQemuFile(screen)
      } finally {
        rmSync(screen, { force: true })
      }
    })
  }

  /** Grow a volume that the guest has open; the guest sees it at once. @returns false when it has not */
  async growVolume(volume: string, bytes: number): Promise<boolean> {
    const node = this.#run.nodeOf(volume)
    if (node === undefined) return false
    await this.#run.running(async (qmp) => {
      const { nodeName = node } = (await openDisks(qmp)).find((disk) => disk.root === node) ?? {}
      await qmp.execute('block_resize', { 'node-name': nodeName, size: bytes })
    })
    return true
  }

  /** Whether the run has the volume open. */
  has(volume: string): boolean {
    return this.#run.nodeOf(volume) !== undefined
  }

  /**
   * Let the guest write on in new files, from one instant on.
   *
   * @param freeze hold its file systems still meanwhile, where it has an agent
   * @returns whether they stood still
   */
  async switchLayers(switches: readonly LayerSwitch[], freeze: boolean): Promise<boolean> {
    await using frozen = await this.#frozen(freeze)
    await this.#run.running((qmp) => switchLayers(qmp, switches))
    return frozen.still
  }

  /** Copy the data of one file of a volume's chain into the one below it. @see mergeLayers */
  async mergeLayers(merge: LayerMerge, signal: AbortSignal): Promise<void> {
    // The job takes as long as there are data, and the guest can be asked for other things meanwhile.
    const qmp = await this.#run.running((monitor) => Promise.resolve(monitor))
    await mergeLayers(qmp, merge, signal)
  }

  /** Hold the file systems still until disposed of. A guest without an agent, or whose agent does not answer, goes on. */
  async #frozen(wanted: boolean): Promise<AsyncDisposable & { still: boolean }> {
    if (!wanted || !this.#run.hasGuestAgent() || this.#run.isPaused())
      return { still: false, [Symbol.asyncDispose]: () => Promise.resolve() }
    // Should this process end here, the next one lets them go on.
    writeFileSync(this.#frozenMark, '')
    this.#holding = true
    const thaw = async (): Promise<void> => {
      this.#holding = false
      await this.thawLeft().catch(() => {})
    }
    try {
      await this.freeze()
      return { still: true, [Symbol.asyncDispose]: thaw }
    } catch {
      // An agent that fails may have frozen some of them.
      await thaw()
      return { still: false, [Symbol.asyncDispose]: () => Promise.resolve() }
    }
  }

  /** Let file systems go on that a process which ended held still for a snapshot. */
  async thawLeft(): Promise<void> {
    if (this.#holding || !existsSync(this.#frozenMark)) return
    try {
      await this.thaw()
    } catch (error) {
      // One that cannot let them go on cannot have stopped them.
      if (!(error instanceof GuestRefusedError)) throw error
    }
    rmSync(this.#frozenMark, { force: true })
  }

  get #frozenMark(): string {
    return join(this.#run.folders.folder, 'frozen')
  }

  /** Hold the guest's file systems still, by its agent. */
  async freeze(): Promise<void> {
    await this.ask((ask) => ask('guest-fsfreeze-freeze'))
  }

  /** Let the guest's file systems go on. */
  async thaw(): Promise<void> {
    await this.ask((ask) => ask('guest-fsfreeze-thaw'))
  }

  /** Bytes of memory the guest has with its balloon as it is. */
  balloon(): Promise<number> {
    return this.#run.running(async (qmp) => (await qmp.execute('query-balloon', {})).actual)
  }

  /** Bytes that the guest has read from and written to its disks since QEMU started. */
  async diskBytes(): Promise<{ read: number; written: number }> {
    const blocks = await this.#run.running((qmp) =>
      // A figure is not worth that a request waits for it.
      qmp.execute('query-blockstats', {}, AbortSignal.timeout(statisticsMs)),
    )
    return blocks.reduce(
      (sum, { stats }) => ({ read: sum.read + stats.rd_bytes, written: sum.written + stats.wr_bytes }),
      { read: 0, written: 0 },
    )
  }

  /** The path of one of QEMU's sockets, to be connected to at once. @throws {UntrustedSocketError} */
  socket(name: 'vnc' | 'guestAgent'): string {
    return trustedSocket(this.#run.folders.paths[name], this.#run.user())
  }

  /** Talk with the guest's agent; one conversation at a time. */
  ask<T>(talk: Parameters<typeof askGuest<T>>[2], timeoutMs = guestTimeoutMs): Promise<T> {
    if (!this.#run.hasGuestAgent())
      return Promise.reject(
        new GuestAgentError(`${this.#run.name} has no guest agent to ask; install qemu-guest-agent in the guest`),
      )
    return this.#queue.run(() => askGuest(this.socket('guestAgent'), timeoutMs, talk))
  }
}
