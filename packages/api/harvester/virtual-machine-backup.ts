import { PersistentVolumeClaimSpec } from '../core/persistent-volume-claim-spec.ts'
import { TypedLocalObjectReference } from '../core/references.ts'
import { age, column } from '../columns.ts'
import type { FieldError } from '../error.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { VirtualMachineSpec } from '../kubevirt/virtual-machine.ts'
import {
  AnyObject,
  base64,
  flag,
  having,
  int32,
  int64,
  labels,
  list,
  mapTo,
  object,
  oneOf,
  optional,
  schemaOf,
  text,
  time,
} from '../schema.ts'
import { Conditions } from './condition.ts'
import { same } from '../same.ts'

/** What went wrong, and when. */
export const Failure = optional({ message: text, time })

/** What a backup is made of; the times of schedules share it. */
export const BackupSpec = object(
  { source: TypedLocalObjectReference },
  { type: having(oneOf('backup', 'snapshot'), { default: 'backup' }), fsFreezeDeadline: text },
)

/** Where backups go. */
export const BackupTarget = optional({ endpoint: text, bucketName: text, bucketRegion: text })

const volumeBackup = optional({
  name: text,
  volumeName: text,
  csiDriverName: text,
  creationTime: time,
  longhornBackupName: text,
  persistentVolumeClaim: optional({ metadata: AnyObject, spec: PersistentVolumeClaimSpec }),
  progress: int32,
  volumeSize: int64,
  readyToUse: flag,
  error: Failure,
})

/** A virtual machine at one moment: kept in the cluster (snapshot) or at the backup target. */
export const VirtualMachineBackup = defineKind({
  group: 'harvesterhci.io',
  version: 'v1beta1',
  kind: 'VirtualMachineBackup',
  description: 'A virtual machine at one moment: kept in the cluster (snapshot) or at the backup target.',
  plural: 'virtualmachinebackups',
  shortNames: ['vmbackup', 'vmbackups'],
  namespaced: true,
  spec: BackupSpec,
  status: optional({
    sourceUID: text,
    creationTime: time,
    backupTarget: BackupTarget,
    csiDriverVolumeSnapshotClassNames: labels,
    source: optional({
      metadata: AnyObject,
      spec: schemaOf<VirtualMachineSpec>({ type: 'object', 'x-kubernetes-preserve-unknown-fields': true }),
    }),
    volumeBackups: list(volumeBackup),
    secretBackups: list(optional({ name: text, data: mapTo(base64) })),
    readyToUse: flag,
    progress: int32,
    error: Failure,
    conditions: Conditions,
  }),
  columns: [
    column('Source_Kind', '.spec.source.kind'),
    column('Source_Name', '.spec.source.name'),
    column('Type', '.spec.type'),
    column('Ready_To_Use', '.status.readyToUse', 'boolean'),
    age,
    column('Error', '.status.error.message'),
  ],
  check: ({ spec }): FieldError[] =>
    spec.source.name
      ? []
      : [{ field: 'spec.source.name', message: 'source VM name is empty', reason: 'FieldValueRequired' }],
  checkUpdate: (next, previous) =>
    same(next.spec, previous.spec)
      ? []
      : [{ field: 'spec', message: 'is immutable; make another backup', reason: 'FieldValueForbidden' }],
})
export type VirtualMachineBackup = ObjectOf<typeof VirtualMachineBackup>

/** Where a backup is at the target: the name of its manifest. */
export function manifestOf({ status }: VirtualMachineBackup): string | undefined {
  return status?.volumeBackups?.find((one) => one.longhornBackupName)?.longhornBackupName
}
