import type { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { findCondition, isTrue } from '@thresher/client/conditions'
import type { Refusal } from '@thresher/client/refused-error'
import type { Trouble } from '../virtual-machine-instance/trouble.ts'

/** The one word for how a virtual machine fares. @see KubeVirt `v1.VirtualMachinePrintableStatus` */
export type PrintableStatus =
  | 'Stopped'
  | 'Provisioning'
  | 'Starting'
  | 'Running'
  | 'Paused'
  | 'Stopping'
  | 'Terminating'
  | 'Migrating'
  | 'CrashLoopBackOff'
  | 'ErrorUnschedulable'
  | 'ErrorPvcNotFound'
  | 'DataVolumeError'
  | 'Unknown'

/** What the word is made from, beside the machine. */
export interface Standing {
  instance: VirtualMachineInstance | undefined
  /** Why the claims cannot be had, where that is so. */
  trouble: Trouble | undefined
  /** What the API refused to make for the machine. */
  refusal?: Refusal
  /** Whether volumes are being filled, so that a wait is natural. */
  provisioning: boolean
  /** Whether the machine waits before its next try after a crash. */
  backingOff: boolean
}

/** The word, the most telling one first. */
export function printableStatus(machine: VirtualMachine, standing: Standing): PrintableStatus {
  const { instance, trouble, refusal, provisioning, backingOff } = standing
  if (machine.metadata.deletionTimestamp) return 'Terminating'
  if (!instance) {
    if (refusal) return 'Stopped'
    if (trouble) return wordFor(trouble)
    if (provisioning) return 'Provisioning'
    return backingOff ? 'CrashLoopBackOff' : 'Stopped'
  }
  const { phase, conditions } = instance.status ?? {}
  if (phase === 'Succeeded' || phase === 'Failed') return backingOff ? 'CrashLoopBackOff' : final(instance)
  if (instance.metadata.deletionTimestamp) return 'Stopping'
  const migration = instance.status?.migrationState
  if (migration && !migration.completed && migration.startTimestamp) return 'Migrating'
  if (isTrue(conditions as never, 'Paused')) return 'Paused'
  if (phase === 'Running') return 'Running'
  if (phase === 'Unknown') return 'Unknown'
  const synchronized = findCondition(conditions as never, 'Synchronized')
  if (synchronized?.status === 'False') {
    if (synchronized.reason === 'FailedPvcNotFound') return 'ErrorPvcNotFound'
    if (synchronized.reason === 'DataVolumeError') return 'DataVolumeError'
    if (synchronized.reason === 'VolumeInUse') return 'ErrorUnschedulable'
  }
  const scheduled = findCondition(conditions as never, 'PodScheduled')
  if (scheduled?.status === 'False' && scheduled.reason === 'Unschedulable') return 'ErrorUnschedulable'
  if (trouble?.reason === 'DataVolumeError') return 'DataVolumeError'
  return provisioning ? 'Provisioning' : 'Starting'
}

/** An instance that has ended is only there until its pod is cleared away. */
function final(instance: VirtualMachineInstance): PrintableStatus {
  return instance.metadata.deletionTimestamp ? 'Stopping' : 'Stopped'
}

function wordFor(trouble: Trouble): PrintableStatus {
  return trouble.reason === 'FailedPvcNotFound' ? 'ErrorPvcNotFound' : 'DataVolumeError'
}
