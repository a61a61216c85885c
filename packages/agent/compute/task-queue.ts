/** Tasks that run one after the other, in the order in which they were given. */
export class TaskQueue {
  #last: Promise<unknown> = Promise.resolve()

  /** Run after all that was given before; a failure is the caller's alone. */
  run<T>(task: () => Promise<T> | T): Promise<T> {
    const result = this.#last.then(task)
    this.#last = result.catch(() => {})
    return result
  }

  /** Resolves when all that was given so far is done. */
  async idle(): Promise<void> {
    await this.#last
  }
}
