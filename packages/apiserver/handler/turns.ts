/**
 * Lets those who want to change the same object go one after the other.
 *
 * Not needed for correctness, the store's revisions see to that: it spares writers that would lose the race from doing
 * their work again and again.
 */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>()

  /** Run `task` when all that came before it under this key have ended, well or badly. */
  take<T>(key: string, task: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key)
    const mine = before ? before.then(task, task) : task()
    this.#last.set(key, mine)
    const leave = () => {
      if (this.#last.get(key) === mine) this.#last.delete(key)
    }
    mine.then(leave, leave)
    return mine
  }
}
