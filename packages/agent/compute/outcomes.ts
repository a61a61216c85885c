import type { Outcome } from './run-state.ts'

/** The guest shut itself down, or did so when asked. */
export const guestShutDown: Outcome = { phase: 'Succeeded', reason: 'GuestShutdown', message: 'the guest shut down' }
/** The guest's kernel crashed. */
export const guestPanicked: Outcome = {
  phase: 'Failed',
  reason: 'GuestPanicked',
  message: 'the kernel of the guest crashed',
}
/** QEMU stopped the guest for good. */
export const internalError: Outcome = {
  phase: 'Failed',
  reason: 'InternalError',
  message: 'QEMU met an error that it cannot go on from',
}
/** The run was stopped before its guest ran. */
export const stoppedEarly: Outcome = {
  phase: 'Failed',
  reason: 'Stopped',
  message: 'the run was stopped before it began',
}
/** The guest's grace period ended before it did. */
export const switchedOff: Outcome = {
  phase: 'Failed',
  reason: 'Killed',
  message: 'the guest did not shut down in time and was switched off',
}
/** Nobody asked for this end. The message is to be completed. */
export const qemuGone: Outcome = { phase: 'Failed', reason: 'QemuGone', message: 'QEMU is gone' }
/** Stopped by `down`; a failure, so that a machine that is to be rerun on failure comes back with the host. */
export const hostStopped: Outcome = {
  phase: 'Failed',
  reason: 'HostStopped',
  message: 'stopped together with its node',
}
/** The guest goes on elsewhere. */
export const migratedAway: Outcome = {
  phase: 'Succeeded',
  reason: 'Migrated',
  message: 'the guest runs on another node now',
}
/** A failure, so that the machine's run strategy may start another. The message is to be completed. */
export const notAlive: Outcome = {
  phase: 'Failed',
  reason: 'LivenessProbeFailed',
  message: 'the guest did not pass its liveness probe and was ended',
}
