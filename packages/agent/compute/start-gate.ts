/** Who wants to start. */
export interface Starter {
  /** Each namespace gets its turn, however many starts one asks for. */
  namespace: string
  /** Higher goes first, as `Pod.spec.priority`. */
  priority: number
}

interface Waiting extends Starter {
  admit(): void
}

/**
 * Lets as many guests start at once as the host can carry. Under more each start only takes longer than all of them one
 * after the other.
 */
export class StartGate {
  readonly #most: number
  #busy = 0
  #waiting: Waiting[] = []
  /** Namespaces by when they had their last turn, the latest last. */
  #turns: string[] = []

  /** @param most starts at once; one or more */
  constructor(most: number) {
    this.#most = Math.max(1, most)
  }

  /** Resolves when it is this one's turn, with the way to give the place back, which may be called again. @throws the signal's reason */
  enter({ namespace, priority }: Starter, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted()
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        this.#waiting = this.#waiting.filter((one) => one !== waiting)
        reject(signal.reason)
      }
      const admit = (): void => {
        signal.removeEventListener('abort', abort)
        resolve(this.#take(namespace))
      }
      const waiting: Waiting = { namespace, priority, admit }
      this.#waiting.push(waiting)
      signal.addEventListener('abort', abort, { once: true })
      this.#admit()
    })
  }

  #take(namespace: string): () => void {
    this.#busy++
    this.#turns = [...this.#turns.filter((one) => one !== namespace), namespace]
    let given = false
    return () => {
      if (given) return
      given = true
      this.#busy--
      this.#admit()
    }
  }

  #admit(): void {
    while (this.#busy < this.#most) {
      const next = this.#next()
      if (!next) return
      this.#waiting = this.#waiting.filter((one) => one !== next)
      next.admit()
    }
    if (this.#busy === 0) this.#turns = []
  }

  /** Of the highest priority, the namespace whose turn is longest ago; of its starts the oldest. */
  #next(): Waiting | undefined {
    const highest = Math.max(...this.#waiting.map(({ priority }) => priority))
    let best: Waiting | undefined
    for (const one of this.#waiting) {
      if (one.priority !== highest) continue
      if (!best || this.#turns.indexOf(one.namespace) < this.#turns.indexOf(best.namespace)) best = one
    }
    return best
  }
}
