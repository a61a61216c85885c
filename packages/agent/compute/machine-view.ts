import type { GuestFacts } from './guest-facts.ts'
import type { ProcessIdentity } from './process-identity.ts'
import type { Outcome, RunState } from './run-state.ts'

/** The steps of a run; how they follow each other is drawn in machine.ts. */
export type Life = 'preparing' | 'starting' | 'running' | 'stopping' | 'ended'

/** Why a guest does not run though it is there. */
export type PauseReason = 'PausedByUser' | 'PausedIOError' | 'PausedUnknown'

/** How a run fares now, for the status in the API. */
export interface MachineView {
  life: Life
  paused?: PauseReason
  outcome?: Outcome
  guestAgent: boolean
  guest?: GuestFacts
  startedAt?: string
  process?: ProcessIdentity
  config?: RunState['config']
}
