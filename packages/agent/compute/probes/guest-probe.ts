import type { Probe } from '@thresher/api/kubevirt/probe'
import { same } from '@thresher/api/same'
import { checkGuest, type ProbedGuest } from './check-guest.ts'
import { countAnswer, timesOf, type ProbeCount } from './probe-count.ts'

/** One probe of one guest, asked again and again for as long as it is wanted. */
export class GuestProbe {
  readonly #guest: ProbedGuest
  readonly #changed: () => void
  #probe: Probe | undefined
  #count: ProbeCount = { row: 0 }
  #timer: NodeJS.Timeout | undefined
  /** Counts what is wanted, so that an answer to an earlier question is dropped. */
  #turn = 0

  /** @param changed called when {@link verdict} gives something new */
  constructor(guest: ProbedGuest, changed: () => void) {
    this.#guest = guest
    this.#changed = changed
  }

  /** Ask by this probe from now on; by none when it is undefined. A probe that is being asked goes on. */
  set(probe: Probe | undefined): void {
    if (same(probe, this.#probe)) return
    this.stop()
    this.#probe = probe
    this.#count = { row: 0 }
    if (probe) this.#later(timesOf(probe).initialDelayMs)
  }

  /** Ask no more; what was found out stays. */
  stop(): void {
    clearTimeout(this.#timer)
    this.#probe = undefined
    this.#turn++
  }

  /** Whether the guest passes; undefined without a probe, or before enough answers agree. */
  get verdict(): { passing: boolean; message: string } | undefined {
    const { passing, message = '' } = this.#count
    return this.#probe && passing !== undefined ? { passing, message } : undefined
  }

  /** Whether there is something to ask. */
  get asks(): boolean {
    return this.#probe !== undefined
  }

  #later(afterMs: number): void {
    this.#timer = setTimeout(() => void this.#ask(), afterMs)
    this.#timer.unref()
  }

  async #ask(): Promise<void> {
    const probe = this.#probe
    if (!probe) return
    const turn = this.#turn
    const times = timesOf(probe)
    let failure: string | undefined
    try {
      await checkGuest(probe, this.#guest, times.timeoutMs)
    } catch (error) {
      failure = (error as Error).message
    }
    if (turn !== this.#turn) return
    const before = this.#count
    this.#count = countAnswer(before, failure, times)
    this.#later(times.periodMs)
    if (before.passing !== this.#count.passing) this.#changed()
  }
}
