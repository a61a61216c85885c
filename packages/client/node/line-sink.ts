import { writeSync } from 'node:fs'

/**
 * Where a program's log lines go, which can never end the program: a line for which there is no room is counted, and when there is
 * room again a line says how many are missing.
 *
 * Writes are synchronous, so that a line is out before whatever it announces happens.
 */
export class LineSink {
  readonly #write: (bytes: Buffer) => number
  readonly #format: (lost: number, error: unknown) => string
  #lost = 0
  #lastError: unknown
  /** A line was written in part: what follows must not continue it. */
  #broken = false

  /**
   * @param target a file descriptor, or what writes bytes and says how many it took
   * @param format the line, without its end, that says that lines are missing
   */
  constructor(target: number | ((bytes: Buffer) => number), format: (lost: number, error: unknown) => string) {
    this.#write = typeof target === 'number' ? (bytes) => writeSync(target, bytes) : target
    this.#format = format
  }

  /** Lines for which there was no room, since the start of the outage. */
  get lost(): number {
    return this.#lost
  }

  /** Write a line, without its end. */
  line(text: string): void {
    const missing = this.#lost > 0 ? `${this.#format(this.#lost, this.#lastError)}\n` : ''
    const bytes = Buffer.from(`${this.#broken ? '\n' : ''}${missing}${text}\n`)
    let written = 0
    try {
      while (written < bytes.length) written += this.#write(written === 0 ? bytes : bytes.subarray(written))
      this.#lost = 0
      this.#broken = false
    } catch (error) {
      this.#lost += 1
      this.#lastError = error
      this.#broken ||= written > 0
    }
  }
}
