import { detach } from './pause.ts'

/** How a {@link WorkQueue} works off its keys. Times are milliseconds. */
export interface QueueOptions {
  /** Work on one key. A rejection is not expected: handle errors inside, with {@link WorkQueue.retry}. */
  work: (key: string) => Promise<void>
  /** How many keys may be worked on at once; 4 unless said. */
  workers?: number
  /** The first delay of {@link WorkQueue.retry}, doubled on each further failure; 5 unless said. */
  firstDelayMs?: number
  /** The longest delay of {@link WorkQueue.retry}; 60 000 unless said. */
  maxDelayMs?: number
}

/**
 * Keys to be worked on: each at most once in the queue and never twice at the same time.
 *
 * A key added while it is worked on runs again afterwards, so no change is missed.
 */
export class WorkQueue {
  readonly #options: Required<QueueOptions>
  readonly #ready = new Set<string>()
  readonly #running = new Set<string>()
  readonly #again = new Set<string>()
  readonly #delayed = new Map<string, { due: number; timer: ReturnType<typeof setTimeout> }>()
  readonly #failures = new Map<string, number>()
  #idle: (() => void)[] = []
  #open = false
  #stopped = false

  constructor(options: QueueOptions) {
    this.#options = {
      work: options.work,
      workers: options.workers ?? 4,
      firstDelayMs: options.firstDelayMs ?? 5,
      maxDelayMs: options.maxDelayMs ?? 60_000,
    }
  }

  /** Begin to work; until then keys only gather. */
  start(): void {
    this.#open = true
    this.#pump()
  }

  /** Drop all keys and timers; work in progress ends by itself. */
  stop(): void {
    this.#stopped = true
    for (const { timer } of this.#delayed.values()) clearTimeout(timer)
    this.#delayed.clear()
    this.#ready.clear()
    this.#again.clear()
    this.#settle()
  }

  /** Work on the key as soon as a worker is free. */
  add(key: string): void {
    if (this.#stopped) return
    if (this.#running.has(key)) this.#again.add(key)
    else this.#ready.add(key)
    this.#pump()
  }

  /** Work on the key in `delayMs`; of several delays the earliest counts. */
  addAfter(key: string, delayMs: number): void {
    if (this.#stopped) return
    const due = Date.now() + delayMs
    const waiting = this.#delayed.get(key)
    if (waiting && waiting.due <= due) return
    if (waiting) clearTimeout(waiting.timer)
    // Above 2^31 ms setTimeout would fire at once.
    const timer = setTimeout(
      () => {
        this.#delayed.delete(key)
        this.add(key)
      },
      Math.min(delayMs, 2 ** 31 - 1),
    )
    detach(timer)
    this.#delayed.set(key, { due, timer })
  }

  /** Work on the key again after a delay that doubles with each failure. Gives that delay. */
  retry(key: string): number {
    const failures = this.#failures.get(key) ?? 0
    this.#failures.set(key, failures + 1)
    const delay = Math.min(this.#options.firstDelayMs * 2 ** failures, this.#options.maxDelayMs)
    const jittered = delay * (1 + Math.random() * 0.1)
    this.addAfter(key, jittered)
    return jittered
  }

  /** How often the key failed in a row. */
  failures(key: string): number {
    return this.#failures.get(key) ?? 0
  }

  /** The key succeeded: the next failure starts from the first delay. */
  forget(key: string): void {
    this.#failures.delete(key)
  }

  /** Resolves when no key is ready or being worked on. Delayed keys do not count. */
  idle(): Promise<void> {
    if (this.#ready.size === 0 && this.#running.size === 0) return Promise.resolve()
    return new Promise((resolve) => this.#idle.push(resolve))
  }

  #pump(): void {
    while (this.#open && !this.#stopped && this.#running.size < this.#options.workers) {
      const [key] = this.#ready
      if (key === undefined) break
      this.#ready.delete(key)
      this.#running.add(key)
      void this.#run(key)
    }
  }

  async #run(key: string): Promise<void> {
    try {
      await this.#options.work(key)
    } finally {
      this.#running.delete(key)
      if (this.#again.delete(key) && !this.#stopped) this.#ready.add(key)
      this.#pump()
      this.#settle()
    }
  }

  #settle(): void {
    if (this.#ready.size > 0 || this.#running.size > 0) return
    for (const resolve of this.#idle.splice(0)) resolve()
  }
}
