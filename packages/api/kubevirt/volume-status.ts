import type { Static } from 'typebox'
import { flag, int64, list, object, oneOf, optional, ResourceList, text, time } from '../schema.ts'

const claimInfo = optional({
  claimName: text,
  accessModes: list(oneOf('ReadWriteOnce', 'ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOncePod')),
  volumeMode: oneOf('Filesystem', 'Block', 'FromStorageProfile'),
  capacity: ResourceList,
  requests: ResourceList,
  preallocated: flag,
  filesystemOverhead: text,
})

/** How one volume of a running guest fares. `target` is the guest's device, such as `vda`. */
export const VolumeStatus = object(
  { name: text, target: text },
  {
    phase: text,
    reason: text,
    message: text,
    size: int64,
    persistentVolumeClaimInfo: claimInfo,
    hotplugVolume: optional({ attachPodName: text, attachPodUID: text }),
    containerDiskVolume: optional({ checksum: int64 }),
    memoryDumpVolume: optional({
      claimName: text,
      targetFileName: text,
      startTimestamp: time,
      endTimestamp: time,
    }),
  },
)
export type VolumeStatus = Static<typeof VolumeStatus>

/** Volumes that a storage migration moves. */
export const MigratedVolumes = list(
  object({ volumeName: text }, { sourcePVCInfo: claimInfo, destinationPVCInfo: claimInfo }),
)

/** Which blocks changed since the last backup is being followed, and the backup that runs. */
export const ChangedBlockTracking = object(
  { state: text },
  {
    backupStatus: optional({
      backupName: text,
      backupMsg: text,
      checkpointName: text,
      startTimestamp: time,
      endTimestamp: time,
      completed: flag,
      failed: flag,
      quiesceStatus: text,
      volumes: list(object({ volumeName: text })),
    }),
  },
)
