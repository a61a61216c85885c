import type { FieldError } from '@thresher/api/error'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { same } from '@thresher/api/same'
import { claimNames } from '@thresher/controllers/virtual-machine/claims'
import type { AdmissionStep } from '@thresher/apiserver/admission'
import { concerns, type Lookup } from './request.ts'

/** A volume belongs to one machine, unless its disk says that it is shared. */
export function machineVolumes(objects: () => Lookup): AdmissionStep {
  return {
    name: 'MachineVolumes',
    validate(request) {
      if (!concerns(request, VirtualMachine, 'CREATE', 'UPDATE')) return
      const machine = request.object as VirtualMachine
      const before = request.oldObject as VirtualMachine | undefined
      const { volumes } = machine.spec.template.spec
      if (machine.metadata.deletionTimestamp || (before && same(before.spec.template.spec.volumes, volumes))) return
      const wanted = exclusiveClaims(machine)
      if (wanted.size === 0) return
      return [...objects().list<VirtualMachine>(VirtualMachine, request.namespace)].flatMap((other) =>
        other.metadata.name === machine.metadata.name || other.metadata.deletionTimestamp
          ? []
          : overlap(machine, wanted, other),
      )
    },
  }
}

function overlap(machine: VirtualMachine, wanted: ReadonlySet<string>, other: VirtualMachine): FieldError[] {
  return [...exclusiveClaims(other)]
    .filter((claimName) => wanted.has(claimName))
    .map((claimName) => {
      const index = machine.spec.template.spec.volumes?.findIndex(
        (volume) => volume.persistentVolumeClaim?.claimName === claimName,
      )
      return {
        field: `spec.template.spec.volumes[${index ?? 0}].persistentVolumeClaim.claimName`,
        message: `PVC ${machine.metadata.namespace}/${claimName} is already used by VM ${other.metadata.name}, please use a shareable RWX volume or another claim`,
      }
    })
}

/** Claims that a machine writes alone. */
function exclusiveClaims(machine: VirtualMachine): Set<string> {
  const { volumes = [], domain } = machine.spec.template.spec
  const shared = new Set(
    volumes
      .filter(
        ({ name, persistentVolumeClaim: source }) =>
          source?.readOnly || domain.devices.disks?.some((disk) => disk.name === name && disk.shareable),
      )
      .map(({ persistentVolumeClaim: source }) => source?.claimName),
  )
  const writable = volumes.filter(({ ephemeral }) => !ephemeral)
  return new Set(claimNames({ volumes: writable }).filter((name) => !shared.has(name)))
}
