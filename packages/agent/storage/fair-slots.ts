/** A place among those that run at once. */
export interface Slot extends Disposable {
  /** Aborts when the place is wanted by a namespace that has fewer: give it back and ask again. */
  signal: AbortSignal
}

interface Holder {
  namespace: string
  stop: AbortController
}

interface Waiter {
  namespace: string
  go: (slot: Slot) => void
}

/**
 * Places for what runs long, shared fairly: whoever waits comes before those whose namespace has more than he would have, so that
 * slow work of one namespace never blocks another's. Alone a namespace may have all places.
 */
export class FairSlots {
  readonly #places: number
  readonly #holders: Holder[] = []
  readonly #waiters: Waiter[] = []

  constructor(places: number) {
    this.#places = places
  }

  /** @throws the signal's reason when aborted while it waits */
  enter(namespace: string, signal: AbortSignal): Promise<Slot> {
    signal.throwIfAborted()
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        namespace,
        go: (slot) => {
          signal.removeEventListener('abort', leave)
          resolve(slot)
        },
      }
      const leave = () => {
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1)
        reject(signal.reason as Error)
      }
      signal.addEventListener('abort', leave, { once: true })
      this.#waiters.push(waiter)
      this.#share()
    })
  }

  /** Give free places to those with the fewest, then ask for one back where that makes it fairer. */
  #share(): void {
    while (this.#holders.length < this.#places) {
      const next = this.#nextWaiter()
      if (!next) return
      this.#waiters.splice(this.#waiters.indexOf(next), 1)
      next.go(this.#hold(next.namespace))
    }
    const poorest = this.#nextWaiter()
    if (!poorest || this.#holders.some(({ stop }) => stop.signal.aborted)) return
    const victim = this.#victim(this.#count(poorest.namespace))
    victim?.stop.abort(new Error('another namespace waits for a place'))
  }

  #hold(namespace: string): Slot {
    const holder: Holder = { namespace, stop: new AbortController() }
    this.#holders.push(holder)
    let held = true
    return {
      signal: holder.stop.signal,
      [Symbol.dispose]: () => {
        if (!held) return
        held = false
        this.#holders.splice(this.#holders.indexOf(holder), 1)
        this.#share()
      },
    }
  }

  #nextWaiter(): Waiter | undefined {
    return this.#waiters.toSorted((a, b) => this.#count(a.namespace) - this.#count(b.namespace))[0]
  }

  /** The last that came of the namespace that has most, where it would still have as many as the one that waits gets. */
  #victim(waiting: number): Holder | undefined {
    const richest = this.#holders.toSorted((a, b) => this.#count(b.namespace) - this.#count(a.namespace))[0]
    if (!richest || this.#count(richest.namespace) - 1 < waiting + 1) return undefined
    return this.#holders.findLast(({ namespace }) => namespace === richest.namespace)
  }

  #count(namespace: string): number {
    return this.#holders.filter((holder) => holder.namespace === namespace).length
  }
}
