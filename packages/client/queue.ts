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
  /** Told of keys that keep the program from its other work. */
  onHog?: (hog: Hog) => void
}

/** A key that is worked on over and over (`spins`), or for long without letting anything else run (`blocks`). */
export interface Hog {
  key: string
  problem: 'spins' | 'blocks'
  /** `spins`: runs in the last second. `blocks`: milliseconds. */
  amount: number
}

/** Runs after which sockets and timers get their turn. Work that awaits only what is there already never gives it to them. */
const runsPerTurn = 64
/** Milliseconds after which they do. */
const turnMs = 10
/** Runs of one key in a second, beyond which there is a pause before each. */
const runsPerSecond = 50
const heldBackMs = 100
/** Milliseconds that one step of the work may hold the thread without being named. */
const blockMs = 100

/**
 * Keys to be worked on: each at most once in the queue and never twice at the same time.
 *
 * A key added while it is worked on runs again afterwards, so no change is missed. However much there is to do and however little
 * each run waits, the rest of the program gets its turns: the queue pauses for it, and holds back a key that never rests.
 */
export class WorkQueue {
  readonly #options: Required<QueueOptions>
  readonly #ready = new Set<string>()
  readonly #running = new Set<string>()
  readonly #again = new Set<string>()
  readonly #delayed = new Map<string, { due: number; timer: ReturnType<typeof setTimeout> }>()
  readonly #failures = new Map<string, number>()
  /** How often each key ran since the second began. */
  readonly #recent = new Map<string, number>()
  #secondBegan = 0
  /** Keys that had too many runs in the second before. */
  #spunBefore: ReadonlySet<string> = new Set()
  #turnBegan = 0
  #runsInTurn = 0
  #turnEnds = false
  #idle: (() => void)[] = []
  #open = false
  #stopped = false

  constructor(options: QueueOptions) {
    this.#options = {
      work: options.work,
      workers: options.workers ?? 4,
      firstDelayMs: options.firstDelayMs ?? 5,
      maxDelayMs: options.maxDelayMs ?? 60_000,
      onHog: options.onHog ?? (() => {}),
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

  /** Work on the key again after a delay that doubles with each failure, up to the longest. Gives that delay. */
  retry(key: string, maxDelayMs = this.#options.maxDelayMs): number {
    const failures = this.#failures.get(key) ?? 0
    this.#failures.set(key, failures + 1)
    const delay = Math.min(this.#options.firstDelayMs * 2 ** failures, maxDelayMs)
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
      if (key === undefined || !this.#mayRun()) break
      this.#ready.delete(key)
      if (this.#spins(key)) continue
      this.#running.add(key)
      void this.#run(key)
    }
  }

  /** Whether this turn of the event loop has room for another run; if not, the queue goes on in the next. */
  #mayRun(): boolean {
    if (this.#turnEnds) return false
    const now = performance.now()
    if (this.#runsInTurn === 0) {
      this.#turnBegan = now
      setTimeout(() => {
        this.#runsInTurn = 0
        this.#turnEnds = false
        this.#pump()
        this.#settle()
      }, 0)
    }
    this.#runsInTurn++
    this.#turnEnds = this.#runsInTurn > runsPerTurn || now - this.#turnBegan > turnMs
    return !this.#turnEnds
  }

  /** Count a run of the key, or hold it back for a while when it had more than enough of them. */
  #spins(key: string): boolean {
    const now = performance.now()
    if (now - this.#secondBegan > 1000) {
      this.#secondBegan = now
      this.#spunBefore = new Set([...this.#recent].flatMap(([each, runs]) => (runs > runsPerSecond ? [each] : [])))
      this.#recent.clear()
    }
    const runs = (this.#recent.get(key) ?? 0) + 1
    this.#recent.set(key, runs)
    if (runs <= runsPerSecond) return false
    // A burst of changes is no fault; not to rest in the next second either is one.
    const second = runs === runsPerSecond + 1 && this.#spunBefore.has(key)
    if (second) this.#options.onHog({ key, problem: 'spins', amount: runs - 1 })
    this.addAfter(key, heldBackMs)
    return true
  }

  async #run(key: string): Promise<void> {
    try {
      const begun = performance.now()
      const work = this.#options.work(key)
      const heldMs = performance.now() - begun
      if (heldMs > blockMs) this.#options.onHog({ key, problem: 'blocks', amount: Math.round(heldMs) })
      await work
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
