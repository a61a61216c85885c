import type { FieldError } from '@thresher/api/error'
import { ScheduleVMBackup } from '@thresher/api/harvester/schedule-vm-backup'
import { Setting } from '@thresher/api/harvester/setting'
import { effectiveJson } from '@thresher/api/harvester/settings/value'
import { VirtualMachineBackup } from '@thresher/api/harvester/virtual-machine-backup'
import { VirtualMachineRestore } from '@thresher/api/harvester/virtual-machine-restore'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import type { AdmissionStep } from '@thresher/apiserver/admission'
import { concerns, type Lookup } from './request.ts'

const targetSetting = 'backup-target'

/** A snapshot is of a machine that can be taken, and stays while a machine is restored from it. */
export function machineBackups(objects: () => Lookup): AdmissionStep {
  return {
    name: 'MachineBackups',
    validate(request) {
      if (concerns(request, VirtualMachineBackup, 'CREATE'))
        return checkBackup(request.object as VirtualMachineBackup, request.namespace, objects())
      if (concerns(request, ScheduleVMBackup, 'CREATE'))
        return checkSchedule(request.object as ScheduleVMBackup, request.namespace, objects())
      if (concerns(request, VirtualMachineBackup, 'DELETE'))
        return checkBackupDeletion(request.namespace, request.name, objects())
      if (concerns(request, VirtualMachineRestore, 'CREATE'))
        return checkRestore(request.object as VirtualMachineRestore, request.namespace, objects())
      return undefined
    },
  }
}

function checkBackup({ spec }: VirtualMachineBackup, namespace: string, objects: Lookup): FieldError[] {
  const field = 'spec.source.name'
  if (spec.type === 'backup' && !effectiveJson(targetSetting, objects.get<Setting>(Setting, '', targetSetting)).type)
    return [
      {
        field: 'spec.type',
        message: 'backup target is not set; set the setting backup-target, or use the type snapshot',
      },
    ]
  const machine = objects.get<VirtualMachine>(VirtualMachine, namespace, spec.source.name)
  if (!machine) return [{ field, message: `the VM ${namespace}/${spec.source.name} does not exist; name another` }]
  const shared = machine.spec.template.spec.domain.devices.disks?.find((disk) => disk.shareable)
  return shared ? [{ field, message: `cannot back up VM: disk ${shared.name} is shareable` }] : []
}

function checkSchedule({ spec }: ScheduleVMBackup, namespace: string, objects: Lookup): FieldError[] {
  const { source, type = 'backup' } = spec.vmbackup
  const others = [...objects.list<ScheduleVMBackup>(ScheduleVMBackup, namespace)]
  if (
    others.some(
      ({ spec: { vmbackup } }) => vmbackup.source.name === source.name && (vmbackup.type ?? 'backup') === type,
    )
  )
    return [
      {
        field: 'spec.vmbackup.source.name',
        message: `VM ${namespace}/${source.name} already has ${type} schedule; change that one`,
      },
    ]
  return checkBackup({ metadata: {}, spec: spec.vmbackup }, namespace, objects).map((error) => ({
    ...error,
    field: error.field?.replace(/^spec\./, 'spec.vmbackup.'),
  }))
}

function checkBackupDeletion(namespace: string, name: string, objects: Lookup): FieldError[] {
  for (const { metadata, spec, status } of objects.list<VirtualMachineRestore>(VirtualMachineRestore)) {
    if (spec.virtualMachineBackupName !== name || spec.virtualMachineBackupNamespace !== namespace) continue
    if (!status?.complete && !metadata.deletionTimestamp)
      return [
        {
          field: 'metadata.name',
          message: `vmrestore ${metadata.namespace}/${metadata.name} is in progress; wait for it, or delete it`,
          reason: 'FieldValueForbidden',
        },
      ]
  }
  return []
}

function checkRestore({ spec }: VirtualMachineRestore, namespace: string, objects: Lookup): FieldError[] {
  const { target, newVM, deletionPolicy, virtualMachineBackupName: name, virtualMachineBackupNamespace: from } = spec
  const refuse = (field: string, message: string): FieldError[] => [{ field, message }]
  const backup = objects.get<VirtualMachineBackup>(VirtualMachineBackup, from, name)
  if (!backup) return refuse('spec.virtualMachineBackupName', `VMBackup ${from}/${name} does not exist`)
  if (!backup.status?.readyToUse)
    return refuse('spec.virtualMachineBackupName', `VMBackup ${from}/${name} is not ready`)
  if (backup.metadata.deletionTimestamp)
    return refuse('spec.virtualMachineBackupName', `vmbackup ${from}/${name} is deleted`)
  const isSnapshot = backup.spec.type === 'snapshot'
  if (isSnapshot && from !== namespace)
    return refuse(
      'spec.virtualMachineBackupNamespace',
      'Restore to other namespace with backup type snapshot is not supported',
    )
  const machine = objects.get<VirtualMachine>(VirtualMachine, namespace, target.name)
  if (newVM) return machine ? refuse('spec.target.name', `VM ${target.name} is already exists; give another name`) : []
  if (!machine) return refuse('spec.target.name', `can't replace nonexistent vm ${target.name}`)
  if (isSnapshot && deletionPolicy === 'delete')
    return refuse('spec.deletionPolicy', 'Delete policy with backup type snapshot for replacing VM is not supported')
  const state = machine.status?.printableStatus
  if (state !== undefined && state !== 'Stopped')
    return refuse('spec.target.name', `Please stop the VM ${JSON.stringify(target.name)} before doing a restore`)
  for (const other of objects.list<VirtualMachineRestore>(VirtualMachineRestore, namespace))
    if (other.spec.target.name === target.name && !other.status?.complete && !other.metadata.deletionTimestamp)
      return refuse(
        'spec.target.name',
        `Please wait for the previous VM restore on the ${namespace}/${target.name} to be complete first.`,
      )
  return []
}
