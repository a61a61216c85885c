import { localDriver } from '@thresher/api/names'
import { defaultSnapshotClassAnnotation, VolumeSnapshotClass } from '@thresher/api/snapshot/volume-snapshot-class'
import { defaultObject, type DefaultObject } from './default-object.ts'

/** The class of snapshots on the nodes' own disks. */
export const snapshotClasses: DefaultObject[] = [
  defaultObject(VolumeSnapshotClass, {
    metadata: { name: 'local', annotations: { [defaultSnapshotClassAnnotation]: 'true' } },
    driver: localDriver,
    deletionPolicy: 'Delete',
  }),
]
