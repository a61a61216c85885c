/** The first try again comes after so long, each further one after twice as long. */
const firstMs = 500
const longestMs = 30_000

/** Does something again and again, ever later, until it is done. */
export class Retry {
  readonly #again: () => void
  #timer: NodeJS.Timeout | undefined
  #delayMs = firstMs

  constructor(again: () => void) {
    this.#again = again
  }

  /** Something is left to be done. */
  later(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(this.#again, this.#delayMs)
    this.#timer.unref()
    this.#delayMs = Math.min(this.#delayMs * 2, longestMs)
  }

  /** Nothing is left, or something new is wanted. */
  reset(): void {
    clearTimeout(this.#timer)
    this.#delayMs = firstMs
  }
}
