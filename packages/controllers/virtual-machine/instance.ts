import { createHash } from 'node:crypto'
import { devicePlacesAnnotation, placeDevices, readPlaces } from '@thresher/api/kubevirt/device-places'
import { reservedMemoryAnnotation } from '@thresher/api/kubevirt/guest-memory'
import type { Interface } from '@thresher/api/kubevirt/interface'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { controllerReference } from '@thresher/client/owner'
import { instanceFinalizer, machineGenerationAnnotation, templateDigestAnnotation } from '../names.ts'
import { stableMac } from './mac-address.ts'

/** The instance that runs a VirtualMachine: its template, with MAC addresses and a firmware id that stay over restarts. */
export function instanceOf(machine: VirtualMachine, paused = false): VirtualMachineInstance {
  const { name, namespace, uid = '', generation } = machine.metadata
  const { template } = machine.spec
  const { domain } = template.spec
  const { interfaces: given = [], autoattachPodInterface } = domain.devices
  // The server would add this card too, but then it had another address after each restart.
  const attach = given.length === 0 && !template.spec.networks?.length && autoattachPodInterface !== false
  const cards = attach ? [{ name: 'default', masquerade: {} }] : given
  const interfaces = cards.map((card: Interface) => ({
    ...card,
    macAddress: card.macAddress || stableMac(uid, card.name),
  }))
  const reserved = machine.metadata.annotations?.[reservedMemoryAnnotation]
  return {
    apiVersion: 'kubevirt.io/v1',
    kind: 'VirtualMachineInstance',
    metadata: {
      name,
      namespace,
      labels: { ...template.metadata?.labels },
      annotations: {
        ...template.metadata?.annotations,
        ...(reserved === undefined ? {} : { [reservedMemoryAnnotation]: reserved }),
        [devicePlacesAnnotation]: placesText(machine),
        [machineGenerationAnnotation]: String(generation ?? 0),
        [templateDigestAnnotation]: templateDigest(machine),
      },
      finalizers: [instanceFinalizer],
      ownerReferences: [controllerReference(VirtualMachine, machine)],
    },
    spec: {
      ...template.spec,
      ...(attach ? { networks: [{ name: 'default', pod: {} }] } : {}),
      ...(paused ? { startStrategy: 'Paused' } : {}),
      domain: {
        ...domain,
        firmware: { ...domain.firmware, uuid: domain.firmware?.uuid ?? uid },
        devices: { ...domain.devices, ...(interfaces.length > 0 ? { interfaces } : {}) },
      },
    },
  }
}

/** The text of the annotation with the places of a machine's devices, as the next start needs it. */
export function placesText({ metadata, spec }: VirtualMachine): string {
  return JSON.stringify(placeDevices(readPlaces(metadata.annotations), spec.template.spec))
}

/** A digest of what an instance is made from: when it differs, the machine must restart to show the change. */
export function templateDigest(machine: VirtualMachine): string {
  return createHash('sha256').update(canonical(machine.spec.template.spec)).digest('hex').slice(0, 16)
}

/** JSON with sorted keys, so that equal values have equal text. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )
}
