import type { FieldError } from '@thresher/api/error'
import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import { localDriver } from '@thresher/api/names'
import { StorageClass } from '@thresher/api/storage/storage-class'
import type { AdmissionStep } from '@thresher/apiserver/admission'
import { concerns } from './request.ts'

/**
 * What asks for encryption is refused when it is made: taken without being done, a secret would lie in the clear while its owner
 * believes otherwise.
 */
export const encryption: AdmissionStep = {
  name: 'Encryption',
  validate(request) {
    if (concerns(request, VirtualMachineImage, 'CREATE')) {
      const { spec } = request.object as VirtualMachineImage
      const asked = spec.securityParameters ? [refusal('spec.securityParameters', 'images')] : []
      return [...asked, ...parameters('spec.storageClassParameters', spec.storageClassParameters)]
    }
    if (!concerns(request, StorageClass, 'CREATE')) return
    const { provisioner, parameters: given } = request.object as StorageClass
    return provisioner === localDriver ? parameters('parameters', given) : []
  },
}

function parameters(field: string, given: Record<string, string> = {}): FieldError[] {
  return Object.entries(given)
    .filter(([name, value]) => asksForEncryption(name, value))
    .map(([name]) => refusal(`${field}[${name}]`, 'volumes'))
}

/** The parameters by which Harvester's classes ask for encrypted volumes. */
function asksForEncryption(name: string, value: string): boolean {
  return (name === 'encrypted' && value !== 'false') || /^csi\.storage\.k8s\.io\/.*secret-name(space)?$/.test(name)
}

function refusal(field: string, what: string): FieldError {
  return {
    field,
    message: `${what} are not encrypted in this version: leave it out, or encrypt inside the guest`,
    reason: 'FieldValueNotSupported',
  }
}
