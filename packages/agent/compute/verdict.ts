import type { PauseReason } from './machine-view.ts'
import type { Outcome } from './run-state.ts'

/** What QEMU's word means for the run: the guest goes on, stands still, or has come to its end. */
export type Verdict = { do: 'go on' } | { do: 'pause'; reason: PauseReason } | { do: 'end'; outcome: Outcome }

/** The guest's kernel crashed. */
export const guestPanicked: Outcome = {
  phase: 'Failed',
  reason: 'GuestPanicked',
  message: 'the kernel of the guest crashed',
}
const guestShutDown: Outcome = { phase: 'Succeeded', reason: 'GuestShutdown', message: 'the guest shut down' }
const internalError: Outcome = {
  phase: 'Failed',
  reason: 'InternalError',
  message: 'QEMU met an error that it cannot go on from',
}

/** Judge the guest's state, as `query-status` tells it. Pure. @see QEMU's RunState */
export function judgeStatus(status: string): Verdict {
  switch (status) {
    case 'running':
      return { do: 'go on' }
    case 'shutdown':
      return { do: 'end', outcome: guestShutDown }
    case 'guest-panicked':
      return { do: 'end', outcome: guestPanicked }
    case 'internal-error':
      return { do: 'end', outcome: internalError }
    case 'io-error':
      return { do: 'pause', reason: 'PausedIOError' }
    case 'paused':
      return { do: 'pause', reason: 'PausedByUser' }
    default:
      return { do: 'pause', reason: 'PausedUnknown' }
  }
}

/** Judge the reason in the event SHUTDOWN; undefined when QEMU was ended from outside. Pure. @see QEMU's ShutdownCause */
export function judgeShutdown(reason: string): Outcome | undefined {
  if (reason.startsWith('guest-panic')) return guestPanicked
  return reason.startsWith('host-') ? undefined : guestShutDown
}
