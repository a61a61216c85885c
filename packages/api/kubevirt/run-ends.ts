/**
 * Reasons in the status of an ended instance that are neither the guest's nor QEMU's doing: somebody asked for the end, or the
 * node went. Such a run is no crash.
 */
const blameless = new Set(['GuestShutdown', 'Stopped', 'Killed', 'HostStopped', 'Migrated', 'NodeLost', 'PodMissing'])

/** Whether a run that ended for this reason crashed, so that the next start waits. */
export function isCrash(reason: string | undefined): boolean {
  return !blameless.has(reason ?? '')
}
