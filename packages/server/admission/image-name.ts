import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import type { AdmissionStep } from '@thresher/apiserver/admission'
import { concerns, type Lookup } from './request.ts'

/** What people see as an image's name is unique in its namespace. */
export function imageName(objects: () => Lookup): AdmissionStep {
  return {
    name: 'ImageName',
    validate(request) {
      if (!concerns(request, VirtualMachineImage, 'CREATE', 'UPDATE')) return
      const image = request.object as VirtualMachineImage
      const before = request.oldObject as VirtualMachineImage | undefined
      const { displayName } = image.spec
      if (before?.spec.displayName === displayName) return
      for (const other of objects().list<VirtualMachineImage>(VirtualMachineImage, request.namespace))
        if (other.metadata.name !== image.metadata.name && other.spec.displayName === displayName)
          return [
            {
              field: 'spec.displayName',
              message: `A resource with the same name exists: the image ${other.metadata.name} is shown as ${displayName}; choose another name`,
              reason: 'FieldValueDuplicate',
            },
          ]
    },
  }
}
