import { ApiError } from '../error.ts'
import type { Disk } from './disk.ts'
import type { VirtualMachineInstanceSpec } from './virtual-machine-instance-spec.ts'
import type { Volume } from './volume.ts'

/** Buses on which a drive can come and go while the guest runs. */
export const hotPlugBuses: readonly string[] = ['scsi', 'virtio']

/** What `addvolume` asks for. @see KubeVirt `v1.AddVolumeOptions` */
export interface AddVolumeOptions {
  name: string
  disk?: Partial<Disk>
  volumeSource: Pick<Volume, 'persistentVolumeClaim' | 'dataVolume'>
}

/** The claim whose volume is behind a volume of a machine. */
export function claimNameOf(volume: Volume): string | undefined {
  return volume.persistentVolumeClaim?.claimName ?? volume.dataVolume?.name
}

/** Whether a volume may come and go while the guest runs. */
export function isHotpluggable(volume: Volume): boolean {
  return volume.persistentVolumeClaim?.hotpluggable === true || volume.dataVolume?.hotpluggable === true
}

type Drives = Pick<VirtualMachineInstanceSpec, 'volumes' | 'domain'>

/**
 * A spec with one volume and its drive more. Pure. The claim is marked as one that can come and go.
 *
 * @throws {ApiError} in KubeVirt's words where the name is taken, else with the field to change
 */
export function withVolume<S extends Drives>(spec: S, options: AddVolumeOptions): S {
  const { name, disk = {}, volumeSource } = options
  const { volumes = [] } = spec
  const { disks = [] } = spec.domain.devices
  if (volumes.some((volume) => volume.name === name))
    throw new ApiError('Conflict', `Unable to add volume [${name}] because volume with that name already exists`)
  const volume: Volume = { name, ...hotSource(volumeSource) }
  const claimName = claimNameOf(volume)
  const other = volumes.find((one) => claimNameOf(one) === claimName)
  if (other)
    throw new ApiError(
      'Conflict',
      `Unable to add volume [${name}] because its claim ${claimName} is attached already, as ${other.name}`,
    )
  const drive = disks.find((one) => one.name === name)
  if (drive && !drive.cdrom)
    throw new ApiError('Conflict', `Unable to add volume [${name}] because disk with that name already exists`)
  const added = drive ? [] : [hotDisk(name, disk)]
  return { ...withDisks(spec, [...disks, ...added]), volumes: [...volumes, volume] }
}

/**
 * A spec without a volume that can come and go, and without its drive; a CD-ROM's drive stays, empty. Pure.
 *
 * @throws {ApiError} in KubeVirt's words where it cannot go
 */
export function withoutVolume<S extends Drives>(spec: S, name: string): S {
  const volume = spec.volumes?.find((one) => one.name === name)
  if (!volume) throw new ApiError('Conflict', `Unable to remove volume [${name}] because it does not exist`)
  if (!isHotpluggable(volume))
    throw new ApiError('Conflict', `Unable to remove volume [${name}] because it is not hotpluggable`)
  const disks = (spec.domain.devices.disks ?? []).filter((disk) => disk.name !== name || disk.cdrom)
  return { ...withDisks(spec, disks), volumes: spec.volumes?.filter((one) => one !== volume) }
}

function withDisks<S extends Drives>(spec: S, disks: Disk[]): S {
  return { ...spec, domain: { ...spec.domain, devices: { ...spec.domain.devices, disks } } }
}

function hotSource({ persistentVolumeClaim, dataVolume }: AddVolumeOptions['volumeSource']): Partial<Volume> {
  if (persistentVolumeClaim?.claimName)
    return { persistentVolumeClaim: { ...persistentVolumeClaim, hotpluggable: true } }
  if (dataVolume?.name) return { dataVolume: { ...dataVolume, hotpluggable: true } }
  throw new ApiError('BadRequest', 'volumeSource: name the claim, as persistentVolumeClaim: {claimName: …}')
}

function hotDisk(name: string, disk: Partial<Disk>): Disk {
  if (disk.cdrom)
    throw new ApiError('BadRequest', `disk.cdrom: a CD-ROM drive cannot come to a running guest; use disk`)
  if (disk.lun)
    throw new ApiError('BadRequest', 'disk.lun: SCSI commands cannot be passed on to a device of the host; use disk')
  const bus = disk.disk?.bus || 'scsi'
  if (!hotPlugBuses.includes(bus))
    throw new ApiError(
      'BadRequest',
      `disk.disk.bus: nothing can be added on ${bus} while a guest runs; use scsi or virtio`,
    )
  return { ...disk, name, disk: { ...disk.disk, bus } }
}
