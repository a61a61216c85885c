import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import type { FieldError } from '@thresher/api/error'
import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import { localDriver } from '@thresher/api/names'
import { StorageClass } from '@thresher/api/storage/storage-class'
import type { AdmissionStep } from '@thresher/apiserver/admission'
import { keyOf } from '@thresher/client/paths'
import { concerns, type Lookup } from './request.ts'

/** Classes that Harvester keeps for itself. */
const reserved = new Set(['vmstate-persistence', 'longhorn-static'])
/** Parameters of a class that the embedded driver carries out, or that ask for what it does anyway. */
const known = new Set(['imageId', 'encrypted', 'migratable'])

/** A class stays while an image's volumes are made by it; what of a new one has no effect is named. */
export function storageClasses(objects: () => Lookup): AdmissionStep {
  return {
    name: 'StorageClasses',
    validate(request) {
      if (concerns(request, StorageClass, 'CREATE'))
        request.warnings.push(...withoutEffect(request.object as StorageClass))
      if (concerns(request, StorageClass, 'DELETE')) return checkDeletion(request.name, objects())
      if (concerns(request, PersistentVolumeClaim, 'CREATE')) return checkClaim(request.object as PersistentVolumeClaim)
      return undefined
    },
  }
}

function withoutEffect({ provisioner, parameters = {} }: StorageClass): string[] {
  if (provisioner !== localDriver) return []
  return Object.entries(parameters)
    .filter(([name, value]) => !known.has(name) && !(name === 'numberOfReplicas' && value === '1'))
    .map(
      ([name]) =>
        `parameters.${name} has no effect on the driver ${localDriver}, which keeps one copy of a volume, on the disk of one node`,
    )
}

function checkDeletion(name: string, objects: Lookup): FieldError[] {
  const images = [...objects.list<VirtualMachineImage>(VirtualMachineImage)].filter(
    ({ metadata, spec, status }) =>
      !metadata.deletionTimestamp && (status?.storageClassName === name || spec.targetStorageClassName === name),
  )
  if (images.length === 0) return []
  const message = `storage class ${name} is used by virtual machine images: ${images.map(keyOf).join(', ')}; delete those first`
  return [{ field: 'metadata.name', message, reason: 'FieldValueForbidden' }]
}

function checkClaim({ spec }: PersistentVolumeClaim): FieldError[] {
  const { storageClassName = '' } = spec
  if (!reserved.has(storageClassName)) return []
  const message = `can not create volume with the reserved storage class ${storageClassName}; name another`
  return [{ field: 'spec.storageClassName', message, reason: 'FieldValueForbidden' }]
}
