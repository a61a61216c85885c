import { guestPanicked, guestShutDown, internalError } from './outcomes.ts'
import type { Outcome } from './run-state.ts'

/** Why a guest does not run though it is there. */
export type PauseReason = 'PausedByUser' | 'PausedIOError' | 'PausedUnknown'

/** What the guest's state means for its run. */
export type Verdict =
  | { is: 'running' }
  /** QEMU waits to be let run for the first time. */
  | { is: 'not started' }
  | { is: 'awaits migration' }
  /** The guest's memory has been sent whole; it runs elsewhere. */
  | { is: 'migrated' }
  | { is: 'paused'; reason: PauseReason }
  | { is: 'ended'; outcome: Outcome }

/** What a status of `query-status` means. Pure. @see QEMU's RunState */
export function verdictOfStatus(status: string): Verdict {
  switch (status) {
    case 'running':
      return { is: 'running' }
    case 'prelaunch':
      return { is: 'not started' }
    case 'inmigrate':
      return { is: 'awaits migration' }
    case 'postmigrate':
      return { is: 'migrated' }
    case 'shutdown':
      return { is: 'ended', outcome: guestShutDown }
    case 'guest-panicked':
      return { is: 'ended', outcome: guestPanicked }
    case 'internal-error':
      return { is: 'ended', outcome: internalError }
    case 'io-error':
      return { is: 'paused', reason: 'PausedIOError' }
    case 'paused':
      return { is: 'paused', reason: 'PausedByUser' }
    default:
      return { is: 'paused', reason: 'PausedUnknown' }
  }
}

/** The reason in the event SHUTDOWN; undefined when QEMU was ended from outside. Pure. @see QEMU's ShutdownCause */
export function outcomeOfShutdown(reason: string): Outcome | undefined {
  if (reason.startsWith('guest-panic')) return guestPanicked
  return reason.startsWith('host-') ? undefined : guestShutDown
}
