import { isCrash } from '@thresher/api/kubevirt/run-ends'
import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import type { VirtualMachineStatus } from '@thresher/api/kubevirt/virtual-machine-status'
import { formatTime } from '@thresher/client/conditions'

/** A run this long counts as a success, in milliseconds. */
export const settledMs = 60_000
const longestDelayMs = 300_000

export type StartFailure = NonNullable<VirtualMachineStatus['startFailure']>

/**
 * What to remember of a failed run: how many failed in a row and when to try again.
 *
 * A run that lasted a minute starts the count anew. The first failure of a machine that did run is tried again at once;
 * further ones, and machines that never came up, wait 10 s × count², at most five minutes.
 */
export function countFailure(
  before: StartFailure | undefined,
  instance: VirtualMachineInstance,
  now: Date,
): StartFailure | undefined {
  const uid = instance.metadata.uid ?? ''
  if (before?.lastFailedVMIUID === uid) return before
  // Only what guest or QEMU did wrong is a crash; an instance that was being stopped may end as it likes.
  if (!isCrash(instance.status?.reason) || instance.metadata.deletionTimestamp) return before
  const ranMs = runTimeMs(instance, now)
  if (ranMs !== undefined && ranMs >= settledMs) return undefined
  const count = (before?.consecutiveFailCount ?? 0) + 1
  const steps = ranMs === undefined ? count : count - 1
  const delayMs = Math.min(10_000 * steps * steps, longestDelayMs)
  return {
    consecutiveFailCount: count,
    lastFailedVMIUID: uid,
    retryAfterTimestamp: formatTime(new Date(now.getTime() + delayMs)),
  }
}

/** How long the guest ran, in milliseconds; undefined when it never did. */
export function runTimeMs(instance: VirtualMachineInstance, now: Date): number | undefined {
  const transitions = instance.status?.phaseTransitionTimestamps ?? []
  const at = (phase: string): string | null | undefined =>
    transitions.find((transition) => transition.phase === phase)?.phaseTransitionTimestamp
  const started = at('Running')
  if (!started) return undefined
  const ended = at('Failed') ?? at('Succeeded')
  return (ended ? Date.parse(ended) : now.getTime()) - Date.parse(started)
}
