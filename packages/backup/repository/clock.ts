import { setTimeout as sleep } from 'node:timers/promises'

/** Time as it passes here. */
export interface Clock {
  /** Milliseconds since some instant; never goes back. */
  now(): number
  /** The time of day in milliseconds. Hosts may differ by hours, and nothing is lost. */
  wall(): number
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export const realClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  sleep: (ms, signal) => sleep(ms, undefined, { signal }),
}
