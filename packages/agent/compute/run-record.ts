import type { Log } from './host.ts'
import type { Lifecycle } from './lifecycle.ts'
import { writeState, type RunState } from './run-state.ts'

/** What a run knows of itself, in memory and in its folder. */
export class RunRecord {
  /** Why the state file could not be read; another agent may understand it, so it is left alone. */
  readonly unreadable: string | undefined
  readonly #folder: string
  readonly #log: Log
  #state: RunState

  constructor(state: RunState, folder: string, log: Log, unreadable?: string) {
    this.#state = state
    this.#folder = folder
    this.#log = log
    this.unreadable = unreadable
  }

  get state(): RunState {
    return this.#state
  }

  /** `namespace/name`. */
  get title(): string {
    return `${this.#state.namespace}/${this.#state.name}`
  }

  /** Change it in memory alone; the next write brings it to disk. */
  note(change: Partial<RunState>): void {
    this.#state = { ...this.#state, ...change }
  }

  /** Change it and write it down. @throws {Error} when the disk is full */
  write(change: Partial<RunState>): void {
    this.note(change)
    if (this.unreadable === undefined) writeState(this.#folder, this.#state)
  }

  /** Write down how far the run is. A full disk must not stop a run; only an agent that dies now would not know. */
  persist(life: Lifecycle, change: Partial<RunState> = {}): void {
    const { step, dueMs, killed, outcome, rebootDueMs, restarting } = life
    try {
      this.write({ ...change, step, dueMs, killed, outcome, rebootDueMs, restarting })
    } catch (error) {
      this.#log('error', `${this.title}: the state was not written down: ${(error as Error).message}`)
    }
  }
}

/** How far a run is, by what it wrote down. */
export function lifeOf({ step, dueMs, killed, outcome, rebootDueMs, restarting }: RunState): Lifecycle {
  return {
    step,
    ...(dueMs ? { dueMs } : {}),
    ...(killed ? { killed } : {}),
    ...(outcome ? { outcome } : {}),
    ...(rebootDueMs ? { rebootDueMs } : {}),
    ...(restarting ? { restarting } : {}),
  }
}
