import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { VolumeSnapshot } from '@thresher/api/snapshot/volume-snapshot'
import {
  claimFinalizer,
  imageFinalizer,
  instanceFinalizer,
  machineFinalizer,
  snapshotFinalizer,
} from '@thresher/controllers/names'
import type { AdmissionStep } from '@thresher/apiserver/admission'
import { concerns } from './request.ts'

const finalizerOf = [
  [VirtualMachine, machineFinalizer],
  [VirtualMachineInstance, instanceFinalizer],
  [PersistentVolumeClaim, claimFinalizer],
  [VirtualMachineImage, imageFinalizer],
  [VolumeSnapshot, snapshotFinalizer],
] as const

/** Objects whose end needs care carry their finalizer from the start, which saves their controllers a write. */
export const finalizers: AdmissionStep = {
  name: 'MachineFinalizers',
  mutate(request) {
    const { object } = request
    if (request.operation !== 'CREATE' || !object) return
    for (const [kind, finalizer] of finalizerOf)
      if (concerns(request, kind, 'CREATE') && !object.metadata.finalizers?.includes(finalizer))
        object.metadata.finalizers = [...(object.metadata.finalizers ?? []), finalizer]
  },
}
