import { PersistentVolumeClaimSpec } from '../core/persistent-volume-claim-spec.ts'
import { TypedLocalObjectReference } from '../core/references.ts'
import { age, column } from '../columns.ts'
import type { FieldError } from '../error.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { AnyObject, flag, int32, int64, list, object, optional, text, texts, time } from '../schema.ts'
import { Conditions } from './condition.ts'
import { same } from '../same.ts'

/** Makes a virtual machine from a backup, or takes one back to it. */
export const VirtualMachineRestore = defineKind({
  group: 'harvesterhci.io',
  version: 'v1beta1',
  kind: 'VirtualMachineRestore',
  description: 'Makes a virtual machine from a backup, or takes one back to it.',
  plural: 'virtualmachinerestores',
  shortNames: ['vmrestore', 'vmrestores'],
  namespaced: true,
  spec: object(
    { target: TypedLocalObjectReference, virtualMachineBackupName: text, virtualMachineBackupNamespace: text },
    { newVM: flag, deletionPolicy: text, keepMacAddress: flag, haltAfterRestore: flag },
  ),
  status: optional({
    complete: flag,
    progress: int32,
    restoreTime: time,
    targetUID: text,
    deletedVolumes: texts,
    restores: list(
      optional({
        volumeName: text,
        volumeBackupName: text,
        volumeSize: int64,
        progress: int32,
        longhornEngineName: text,
        persistentVolumeClaimSpec: optional({ metadata: AnyObject, spec: PersistentVolumeClaimSpec }),
      }),
    ),
    conditions: Conditions,
  }),
  columns: [
    column('Target_Kind', '.spec.target.kind'),
    column('Target_Name', '.spec.target.name'),
    column('Complete', '.status.complete', 'boolean'),
    age,
  ],
  check({ spec }): FieldError[] {
    if (!spec.target.name) return [{ field: 'spec.target.name', message: 'Target VM name is invalid: it is empty' }]
    const { deletionPolicy } = spec
    return deletionPolicy && !['delete', 'retain'].includes(deletionPolicy)
      ? [{ field: 'spec.deletionPolicy', message: 'must be delete or retain', reason: 'FieldValueNotSupported' }]
      : []
  },
  checkUpdate: (next, previous) =>
    same(next.spec, previous.spec)
      ? []
      : [{ field: 'spec', message: 'VirtualMachineRestore spec is immutable', reason: 'FieldValueForbidden' }],
})
export type VirtualMachineRestore = ObjectOf<typeof VirtualMachineRestore>
