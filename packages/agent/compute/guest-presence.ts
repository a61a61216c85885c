import type { Ask } from './guest-agent.ts'
import { learnGuest, type GuestFacts } from './guest-facts.ts'
import type { Log } from './host.ts'

/** How often a guest's agent is asked what may have changed, such as its addresses. */
const lookEveryMs = 60_000
/** After a failure, asked again so soon: an agent that just came up may not be ready. */
const firstLookAgainMs = 5_000

/** What is known of a guest by its agent, for as long as that is there. */
export class GuestPresence {
  readonly #ask: <T>(talk: (ask: Ask) => Promise<T>) => Promise<T>
  readonly #changed: () => void
  readonly #looked: () => Promise<void>
  readonly #log: Log
  readonly #title: string
  #connected = false
  #facts: GuestFacts | undefined
  #timer: NodeJS.Timeout | undefined
  #failed = false
  #looking = false

  /** @param changed called when {@link connected} or {@link facts} give something new */
  constructor(options: {
    title: string
    ask: <T>(talk: (ask: Ask) => Promise<T>) => Promise<T>
    changed: () => void
    /** Called while the agent answers, after it was asked. */
    looked: () => Promise<void>
    log: Log
  }) {
    this.#title = options.title
    this.#ask = options.ask
    this.#changed = options.changed
    this.#looked = options.looked
    this.#log = options.log
  }

  /** Whether an agent has its end of the channel open. */
  get connected(): boolean {
    return this.#connected
  }

  /** What it said last; kept when it is gone for a while. */
  get facts(): GuestFacts | undefined {
    return this.#facts
  }

  /** Its end of the channel was opened or closed. */
  set(connected: boolean): void {
    if (this.#connected === connected) return
    this.#connected = connected
    clearTimeout(this.#timer)
    this.#changed()
    if (connected) void this.#look()
  }

  /** Ask now rather than later. */
  lookSoon(): void {
    if (!this.#connected) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#look(), 0)
    this.#timer.unref()
  }

  /** Ask no more. */
  stop(): void {
    this.#connected = false
    clearTimeout(this.#timer)
  }

  async #look(): Promise<void> {
    if (this.#looking) return
    this.#looking = true
    try {
      const facts = await this.#ask(learnGuest)
      const isNew = JSON.stringify(facts) !== JSON.stringify(this.#facts)
      this.#facts = facts
      this.#failed = false
      if (isNew) this.#changed()
      await this.#looked()
    } catch (error) {
      // Once for a row of failures: a guest that lies does so each time.
      if (!this.#failed && this.#connected) this.#log('info', `${this.#title}: ${(error as Error).message}`)
      this.#failed = true
    } finally {
      this.#looking = false
    }
    if (!this.#connected) return
    this.#timer = setTimeout(() => void this.#look(), this.#facts ? lookEveryMs : firstLookAgainMs)
    this.#timer.unref()
  }
}
