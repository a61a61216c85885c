import type { PersistentVolume } from '@thresher/api/core/persistent-volume'
import type { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import type { Pod } from '@thresher/api/core/pod'
import type { FieldError } from '@thresher/api/error'
import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import type { Volume } from '@thresher/api/kubevirt/volume'
import { localDriver } from '@thresher/api/names'
import { readNics, type PodNic } from '@thresher/api/pod-network'
import { parseBytes } from '@thresher/api/quantity'
import type { PlannedScratch, PlannedVolume } from './plan.ts'
import { presentInterfaces } from './qemu/interfaces.ts'

/** What of the API decides whether a run can begin. */
export interface ResolveInput {
  vmi: VirtualMachineInstance
  pod: Pod
  claim: (name: string) => PersistentVolumeClaim | undefined
  volume: (name: string) => PersistentVolume | undefined
}

/** A volume whose files come from the API. */
export interface SeedVolume {
  name: string
  source: Volume
}

export type Resolution =
  | { ready: true; volumes: PlannedVolume[]; scratch: PlannedScratch[]; seeds: SeedVolume[]; nics: PodNic[] }
  /** What is not there yet, as a sentence that names the object. */
  | { ready: false; waitingFor: string }
  | { ready: false; errors: FieldError[] }

const seedSources = [
  'cloudInitNoCloud',
  'cloudInitConfigDrive',
  'configMap',
  'secret',
  'sysprep',
  'downwardAPI',
] as const

/** Whether all that a run needs is there, and what it is. Pure. */
export function resolveRun(input: ResolveInput): Resolution {
  const volumes: PlannedVolume[] = []
  const scratch: PlannedScratch[] = []
  const seeds: SeedVolume[] = []
  const errors: FieldError[] = []
  let waitingFor: string | undefined
  for (const [index, volume] of (input.vmi.spec.volumes ?? []).entries()) {
    const claimName = volume.persistentVolumeClaim?.claimName ?? volume.dataVolume?.name
    if (claimName !== undefined) {
      const found = resolveClaim(input, claimName)
      if (typeof found === 'string') waitingFor ??= found
      else {
        const { name } = volume
        const access = { readOnly: isReadOnly(input.vmi, volume), shared: isShared(input.vmi, volume) }
        volumes.push({ name, ...access, id: found.id })
      }
    } else if (volume.emptyDisk) {
      scratch.push({ name: volume.name, bytes: parseBytes(volume.emptyDisk.capacity) })
    } else if (seedSources.some((source) => volume[source])) {
      seeds.push({ name: volume.name, source: volume })
    } else {
      const source = Object.keys(volume).find((field) => field !== 'name') ?? 'source'
      errors.push({
        field: `spec.volumes[${index}].${source}`,
        message: `cannot be attached; use persistentVolumeClaim, emptyDisk, ${seedSources.join(', ')}`,
        reason: 'FieldValueNotSupported',
      })
    }
  }
  errors.push(...unsupportedNetworks(input.vmi))
  if (errors.length > 0) return { ready: false, errors }
  const cards = presentInterfaces(input.vmi)
  const nics = cards.length === 0 ? [] : readNics(input.pod.metadata.annotations)
  const missing = cards.find(({ name }) => !nics?.some((nic) => nic.name === name))
  if (missing) waitingFor ??= `the network of the interface ${missing.name}`
  if (waitingFor !== undefined || !nics) return { ready: false, waitingFor: waitingFor ?? 'its network' }
  return {
    ready: true,
    volumes,
    scratch,
    seeds,
    nics: nics.filter((nic) => cards.some(({ name }) => name === nic.name)),
  }
}

/** The networks of present cards that nothing connects, so that a wait for them would have no end. */
function unsupportedNetworks(vmi: VirtualMachineInstance): FieldError[] {
  const present = new Set(presentInterfaces(vmi).map(({ name }) => name))
  return (vmi.spec.networks ?? []).flatMap((network, index): FieldError[] => {
    if (network.pod || network.multus || !present.has(network.name)) return []
    const source = Object.keys(network).find((field) => field !== 'name') ?? 'source'
    return [
      {
        field: `spec.networks[${index}].${source}`,
        message: `the interface ${network.name} cannot be connected by it; use pod: {} or multus, or remove the interface`,
        reason: 'FieldValueNotSupported',
      },
    ]
  })
}

/** A claim's volume on this host, or what it waits for. The volume is there as soon as it names the claim, bound or not. */
export function resolveClaim(
  { claim, volume }: Pick<ResolveInput, 'claim' | 'volume'>,
  name: string,
): { id: string } | string {
  const found = claim(name)
  if (!found) return `the PersistentVolumeClaim ${name}`
  const { uid } = found.metadata
  const held = volume(found.spec.volumeName ?? `pvc-${uid}`)
  if (!held || held.spec.claimRef?.uid !== uid) return `the volume of the PersistentVolumeClaim ${name}`
  if (held.spec.csi?.driver !== localDriver)
    return `a driver for the volume ${held.metadata.name} of the PersistentVolumeClaim ${name}`
  return { id: held.spec.csi.volumeHandle }
}

/** Whether other guests may have a volume open beside this one. */
export function isShared(vmi: VirtualMachineInstance, volume: Volume): boolean {
  return isReadOnly(vmi, volume) || isShareable(vmi, volume)
}

function isShareable({ spec }: VirtualMachineInstance, volume: Volume): boolean {
  return spec.domain.devices.disks?.some(({ name, shareable }) => name === volume.name && shareable === true) ?? false
}

/** Whether the guest must not change a volume. */
export function isReadOnly({ spec }: VirtualMachineInstance, volume: Volume): boolean {
  const disk = spec.domain.devices.disks?.find(({ name }) => name === volume.name)
  return Boolean(volume.persistentVolumeClaim?.readOnly || disk?.disk?.readonly || disk?.cdrom)
}
