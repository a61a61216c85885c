import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { StorageClass } from '@thresher/api/storage/storage-class'
import { keyOf } from '@thresher/client/paths'
import { imageKeyOf } from '@thresher/controllers/image/claim-image'
import { claimNames } from '@thresher/controllers/virtual-machine/claims'
import type { AdmissionStep } from '@thresher/apiserver/admission'
import { concerns, type Lookup } from './request.ts'

/** A claim stays while a machine has it among its volumes. */
export function claimInUse(objects: () => Lookup): AdmissionStep {
  return {
    name: 'ClaimInUse',
    validate(request) {
      if (!concerns(request, PersistentVolumeClaim, 'DELETE')) return
      const users = [...objects().list<VirtualMachine>(VirtualMachine, request.namespace)]
        .filter(
          ({ metadata, spec }) => !metadata.deletionTimestamp && claimNames(spec.template.spec).includes(request.name),
        )
        .map(({ metadata }) => metadata.name)
      const image = exportOf(request.namespace, request.name, objects())
      if (image) {
        const message = `can not delete volume ${request.name} which is exporting for image ${keyOf(image)}; wait for it, or delete the image`
        return [{ field: 'metadata.name', message, reason: 'FieldValueForbidden' }]
      }
      if (users.length === 0) return
      const message = `can not delete the volume ${request.name} which is currently attached to VMs: ${users.join(', ')}; take it off them first`
      return [{ field: 'metadata.name', message, reason: 'FieldValueForbidden' }]
    },
  }
}

/** An image stays while a volume is based on it. */
export function imageInUse(objects: () => Lookup): AdmissionStep {
  return {
    name: 'ImageInUse',
    validate(request) {
      if (!concerns(request, VirtualMachineImage, 'DELETE')) return
      const key = `${request.namespace}/${request.name}`
      const classOf = (name: string): StorageClass | undefined => objects().get<StorageClass>(StorageClass, '', name)
      const users = [...objects().list<PersistentVolumeClaim>(PersistentVolumeClaim)]
        .filter((claim) => imageKeyOf(claim, classOf) === key)
        .map(keyOf)
      if (users.length === 0) return
      const message = `Cannot delete image ${key}: being used by volume ${users.join(', ')}; delete those first`
      return [{ field: 'metadata.name', message, reason: 'FieldValueForbidden' }]
    },
  }
}

/** An image that a volume is being read out to. */
function exportOf(namespace: string, name: string, objects: Lookup): VirtualMachineImage | undefined {
  for (const image of objects.list<VirtualMachineImage>(VirtualMachineImage)) {
    const { sourceType, pvcName, pvcNamespace } = image.spec
    if (sourceType !== 'export-from-volume' || pvcName !== name || pvcNamespace !== namespace) continue
    const over = image.status?.conditions?.some(
      ({ type, status }) => (type === 'Imported' || type === 'RetryLimitExceeded') && status === 'True',
    )
    if (!over && !image.metadata.deletionTimestamp) return image
  }
  return undefined
}
