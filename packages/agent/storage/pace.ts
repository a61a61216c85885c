/** Whether bytes come fast enough. Milliseconds; the clock is one that nobody sets. */
export class Pace {
  readonly #bytesPerSecond: number
  readonly #windowMs: number
  #since: number
  #bytes = 0

  /**
   * @param bytesPerSecond the least, as the mean of a window
   * @param nowMs when the first byte may come
   */
  constructor(bytesPerSecond: number, windowMs: number, nowMs: number) {
    this.#bytesPerSecond = bytesPerSecond
    this.#windowMs = windowMs
    this.#since = nowMs
  }

  /** Count bytes. @returns the bytes per second of a window that ended below the least; undefined while all is well */
  count(bytes: number, nowMs: number): number | undefined {
    this.#bytes += bytes
    const elapsed = nowMs - this.#since
    if (elapsed < this.#windowMs) return undefined
    const rate = (this.#bytes * 1000) / elapsed
    this.#since = nowMs
    this.#bytes = 0
    return rate < this.#bytesPerSecond ? rate : undefined
  }
}
