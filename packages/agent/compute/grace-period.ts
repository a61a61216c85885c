/** Some guests miss the power button while they start, so it is pressed again. */
const powerButtonEveryMs = 5000
const longestTimerMs = 2 ** 31 - 1

/** The timers of a guest's time to shut down. */
export class GracePeriod {
  readonly #press: () => void
  readonly #due: () => void
  #timers: NodeJS.Timeout[] = []

  /** @param press asks the guest to shut down @param due called when its time is over */
  constructor(press: () => void, due: () => void) {
    this.#press = press
    this.#due = due
  }

  /** @param dueMs the end of the guest's time, in milliseconds since 1970 */
  arm(dueMs: number): void {
    this.clear()
    const leftMs = Math.min(Math.max(dueMs - Date.now(), 0), longestTimerMs)
    this.#timers = [setTimeout(this.#due, leftMs), setInterval(this.#press, powerButtonEveryMs)]
  }

  clear(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers = []
  }
}
