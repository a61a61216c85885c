import type { GuestFacts } from './guest-facts.ts'
import type { DriveState } from './hot-plug/hot-drives.ts'
import type { HungReason } from './lifecycle.ts'
import type { ProcessIdentity } from './process-identity.ts'
import type { Outcome, RunningConfig, RunStep } from './run-state.ts'
import type { PauseReason } from './verdict.ts'

/** How a run is now, for the reports in the API. */
export interface RunView {
  /** How steps follow each other is drawn in lifecycle.ts; `ended` once all is given back. */
  step: RunStep
  paused?: PauseReason
  /** Paused until the node's disk has room. */
  noRoom: boolean
  hung?: HungReason
  /** Why the run's state file could not be read. */
  unreadable?: string
  /** The process of its TPM has ended, QEMU has not. */
  tpmLost?: boolean
  outcome?: Outcome
  guestAgent: boolean
  guest?: GuestFacts
  /** Whether the guest passes its readiness probe, where it has one; why not, as a sentence. */
  readiness?: { passing: boolean; message: string }
  /** Whether the guest has the credentials that its machine names, where it names any; why not, as a sentence. */
  credentials?: { synchronized: boolean; message: string }
  /** Drives that are coming or going, by name. */
  drives?: ReadonlyMap<string, DriveState>
  /** Why network cards are not as they should be, by name. */
  cardFailures?: ReadonlyMap<string, string>
  startedAt?: string
  process?: ProcessIdentity
  /** The number of the user that QEMU runs as. */
  user: number
  config?: RunningConfig
}

/** Whether the guest has been let run, and has not ended. */
export function isUp({ step }: Pick<RunView, 'step'>): boolean {
  return step === 'running' || step === 'stopping' || step === 'migrating-out'
}
