import type { Static } from 'typebox'
import { flag, int32, int64, labels, list, object, optional, text, texts, time } from '../schema.ts'
import { Conditions } from './condition.ts'
import { Disk } from './disk.ts'
import { ClaimSource, DataVolumeSource } from './volume.ts'
import { ChangedBlockTracking, MigratedVolumes } from './volume-status.ts'

const matched = optional({
  kind: text,
  name: text,
  controllerRevisionRef: optional({ name: text }),
  inferFromVolume: text,
  inferFromVolumeFailurePolicy: text,
})

/** How a virtual machine fares. `stateChangeRequests` and `volumeRequests` hold what was asked and not yet done. */
export const VirtualMachineStatus = optional({
  printableStatus: text,
  created: flag,
  ready: flag,
  runStrategy: text,
  conditions: Conditions,
  desiredGeneration: int64,
  observedGeneration: int64,
  startFailure: optional({ consecutiveFailCount: int32, lastFailedVMIUID: text, retryAfterTimestamp: time }),
  stateChangeRequests: list(object({ action: text }, { data: labels, uid: text })),
  volumeRequests: list(
    optional({
      addVolumeOptions: object(
        {
          name: text,
          disk: Disk,
          volumeSource: optional({ persistentVolumeClaim: ClaimSource, dataVolume: DataVolumeSource }),
        },
        { dryRun: texts },
      ),
      removeVolumeOptions: object({ name: text }, { dryRun: texts }),
    }),
  ),
  volumeSnapshotStatuses: list(object({ name: text, enabled: flag }, { reason: text })),
  volumeUpdateState: optional({ volumeMigrationState: optional({ migratedVolumes: MigratedVolumes }) }),
  memoryDumpRequest: object(
    { claimName: text, phase: text },
    { fileName: text, message: text, remove: flag, startTimestamp: time, endTimestamp: time },
  ),
  snapshotInProgress: text,
  restoreInProgress: text,
  instancetypeRef: matched,
  preferenceRef: matched,
  changedBlockTracking: ChangedBlockTracking,
})
export type VirtualMachineStatus = Static<typeof VirtualMachineStatus>
