import { mendParts, type NetworkFault, type NetworkFindings, type NetworkPart } from './network-part.ts'

/** When to look: soon after something changed, yet once for what changes together; again while something is wrong; and now and then. */
export interface WatchTimes {
  settleMs: number
  againMs: number
  anywayMs: number
}
const usualTimes: WatchTimes = { settleMs: 100, againMs: 2000, anywayMs: 60_000 }

/**
 * Keeps the host's network as it should be: looks when it is told that something changed, mends what is wrong, and reports it.
 *
 * Level-triggered: what changed is not looked at, only how things are.
 */
export class NetworkWatch {
  readonly #parts: readonly NetworkPart[]
  readonly #report: (findings: NetworkFindings) => void
  readonly #times: WatchTimes
  #timer: NodeJS.Timeout | undefined
  /** When the timer goes off, as `performance.now()` has it. */
  #due = Infinity
  #looking: Promise<void> | undefined
  /** What was wrong at the last look: what is still wrong at the next, lasts. */
  #seen: NetworkFault[] = []
  #left: NetworkFault[] = []
  #closed = false

  /** @param report called after a look that found something, and after the first that finds nothing any more */
  constructor(
    parts: readonly NetworkPart[],
    report: (findings: NetworkFindings) => void,
    times: Partial<WatchTimes> = {},
  ) {
    this.#parts = parts
    this.#report = report
    this.#times = { ...usualTimes, ...times }
    this.#schedule(this.#times.anywayMs)
  }

  /** What is wrong, and lasts: an engine that is just being started again is not among it. */
  get faults(): readonly NetworkFault[] {
    return this.#left
  }

  /** Something changed, perhaps. */
  changed(): void {
    this.#schedule(this.#times.settleMs)
  }

  /** Stop looking. Resolves when nothing is being mended any more. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await this.#looking
  }

  #schedule(afterMs: number): void {
    const due = performance.now() + afterMs
    if (this.#closed || due >= this.#due) return
    clearTimeout(this.#timer)
    this.#due = due
    this.#timer = setTimeout(() => this.#look(), afterMs)
    this.#timer.unref()
  }

  #look(): void {
    this.#due = Infinity
    // What changes while we look asks for another look after this one.
    this.#looking = (this.#looking ?? Promise.resolve()).then(async () => {
      if (this.#closed) return
      const findings = await mendParts(this.#parts)
      if (this.#closed) return
      const was = this.#left.length > 0
      this.#left = findings.left.filter(({ part, name }) =>
        this.#seen.some((one) => one.part === part && one.name === name),
      )
      this.#seen = findings.left
      if (was || this.#left.length > 0 || findings.mended.length > 0)
        this.#report({ mended: findings.mended, left: this.#left })
      this.#schedule(findings.left.length > 0 ? this.#times.againMs : this.#times.anywayMs)
    })
  }
}
