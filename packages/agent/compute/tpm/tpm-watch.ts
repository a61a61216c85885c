import { setTimeout as delay } from 'node:timers/promises'
import type { Log } from '../host.ts'
import type { ProcessIdentity } from '../process-identity.ts'
import { findTpm, watchTpm } from './tpm-process.ts'

/** A TPM ends with its QEMU; one that ended so long before it was lost. */
const endsAfterMs = 1000

export interface TpmWatchOptions {
  /** Of whom it is, in log lines. */
  title: string
  socket: string
  mayBe: (uid: number) => boolean
  /** Whether the run's QEMU lives and is to. */
  runs: () => boolean
  /** Called once when the TPM is lost. */
  lost: () => void
  signal: AbortSignal
  log: Log
}

/** Knows whether a run's TPM is still there: without it the guest runs on, but cannot use what it has sealed. */
export class TpmWatch {
  readonly #options: TpmWatchOptions
  #lost = false

  constructor(options: TpmWatchOptions) {
    this.#options = options
  }

  /** The process has ended, QEMU has not. */
  get lost(): boolean {
    return this.#lost
  }

  /** Watch the one that was started. */
  follow(process: ProcessIdentity, exited?: Promise<void>): void {
    watchTpm(process, exited, this.#options.signal, () => void this.#gone())
  }

  /** Watch the one that an earlier agent started. */
  adopt(): void {
    const found = findTpm(this.#options.socket, this.#options.mayBe)
    if (found) this.follow(found)
    else void this.#gone()
  }

  /** QEMU's own end is seen a moment later. */
  async #gone(): Promise<void> {
    const { title, runs, lost, signal, log } = this.#options
    await delay(endsAfterMs, undefined, { ref: false })
    if (signal.aborted || !runs()) return
    this.#lost = true
    log('warn', `${title}: the process of its TPM has ended`)
    lost()
  }
}
