import { MemoryObjects } from '../objects/memory.ts'
import type { ListedObject, ObjectStore } from '../objects/object-store.ts'
import type { Clock } from './clock.ts'

interface Step {
  actor: Actor
  run(): void
}

interface Sleeper {
  actor: Actor
  due: number
  wake(): void
}

/** One who uses the store: its steps are taken in an order that the seed decides. */
export interface Actor {
  name: string
  store: ObjectStore
  clock: Clock
  state: 'running' | 'done' | 'crashed'
  /** How many steps and sleeps it waits on. */
  waiting: number
}

/** Numbers that a seed decides. @see https://en.wikipedia.org/wiki/Xorshift */
export function random(seed: number): (below: number) => number {
  let state = (seed * 2654435761 + 1) >>> 0 || 1
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return state % below
  }
}

/**
 * Runs several who use one store, one request at a time, in an order that a seed decides: any may be arbitrarily slow, stand still
 * for minutes, or die between two requests. Time passes only when it is its turn.
 */
export class Interleaving {
  readonly objects = new MemoryObjects()
  readonly #next: (below: number) => number
  readonly #actors: Actor[] = []
  #steps: Step[] = []
  #sleepers: Sleeper[] = []
  /** Those who stand still, as a suspended host does: time passes, and their requests are not sent. */
  readonly #frozen = new Set<Actor>()
  #now = 0

  constructor(seed: number) {
    this.#next = random(seed)
  }

  /** Add one; what it does begins at once, but for its requests. */
  add(name: string, work: (actor: Actor) => Promise<void>): Actor {
    const actor: Actor = { name, state: 'running', waiting: 0, store: this.objects, clock: this.#clock() }
    actor.store = this.#storeOf(actor)
    actor.clock = this.#clock(actor)
    this.#actors.push(actor)
    void work(actor).finally(() => {
      if (actor.state === 'running') actor.state = 'done'
    })
    return actor
  }

  /** Go on until all are done or dead. @param crashOneIn a step in so many kills its actor */
  async run(crashOneIn: number): Promise<void> {
    for (;;) {
      await this.#settled()
      this.#steps = this.#steps.filter(({ actor }) => actor.state !== 'crashed')
      this.#sleepers = this.#sleepers.filter(({ actor }) => actor.state === 'running')
      if (!this.#actors.some(({ state }) => state === 'running') && this.#steps.length === 0) return
      if (this.#next(30) === 0) this.#frozen.add(this.#actors[this.#next(this.#actors.length)]!)
      if (this.#next(200) === 0) this.#frozen.clear()
      const steps = this.#steps.filter(({ actor }) => !this.#frozen.has(actor))
      const sleepers = this.#sleepers.filter(({ actor }) => !this.#frozen.has(actor))
      const choice = this.#next(steps.length + (sleepers.length > 0 ? 1 : 0) || 1)
      if (choice < steps.length) this.#take(steps[choice]!, crashOneIn)
      else if (sleepers.length > 0) this.#wakeNext(sleepers)
      else if (this.#frozen.size > 0) this.#frozen.clear()
      else throw new Error(`nothing goes on: ${this.#actors.map((one) => `${one.name} ${one.state}`).join()}`)
    }
  }

  #take(step: Step, crashOneIn: number): void {
    this.#steps = this.#steps.filter((one) => one !== step)
    if (crashOneIn > 0 && this.#next(crashOneIn) === 0) step.actor.state = 'crashed'
    else {
      step.actor.waiting--
      step.run()
    }
  }

  /** Until each that runs waits for a step, or sleeps. */
  async #settled(): Promise<void> {
    do await new Promise((done) => setImmediate(done))
    while (this.#actors.some(({ state, waiting }) => state === 'running' && waiting === 0))
  }

  #wakeNext(sleepers: readonly Sleeper[]): void {
    const [first] = sleepers.toSorted((a, b) => a.due - b.due)
    this.#sleepers = this.#sleepers.filter((one) => one !== first)
    this.#now = Math.max(this.#now, first!.due)
    first!.actor.waiting--
    first!.wake()
  }

  #clock(actor?: Actor): Clock {
    return {
      now: () => this.#now,
      wall: () => this.#now,
      sleep: (ms, signal) =>
        new Promise((wake, reject) => {
          const sleeper = { actor: actor!, due: this.#now + ms, wake }
          this.#sleepers.push(sleeper)
          actor!.waiting++
          signal?.addEventListener('abort', () => {
            if (!this.#sleepers.includes(sleeper)) return
            this.#sleepers = this.#sleepers.filter((one) => one !== sleeper)
            actor!.waiting--
            reject(signal.reason as Error)
          })
        }),
    }
  }

  #storeOf(actor: Actor): ObjectStore {
    const turn = <T>(work: () => T): Promise<T> =>
      new Promise((resolve) => {
        actor.waiting++
        this.#steps.push({ actor, run: () => resolve(work()) })
      })
    const { objects } = this
    return {
      put: (key, body) => turn(() => objects.put(key, body)).then(),
      get: (key) => turn(() => objects.get(key)).then(),
      delete: (key) => turn(() => objects.delete(key)).then(),
      async *list(prefix) {
        // Pages of two: what comes and goes while a listing is read is seen or not, as with S3.
        let after = ''
        for (;;) {
          const page = await turn(() => pageOf(objects, prefix, after))
          yield* page
          if (page.length < 2) return
          after = page.at(-1)!.key
        }
      },
    }
  }
}

function pageOf({ objects }: MemoryObjects, prefix: string, after: string): ListedObject[] {
  const keys = [...objects.keys()].filter((key) => key.startsWith(prefix) && key > after).sort()
  return keys.slice(0, 2).map((key) => ({ key, bytes: objects.get(key)!.length }))
}
