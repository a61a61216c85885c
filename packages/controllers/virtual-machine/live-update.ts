import {
  devicePlacesAnnotation,
  placeDevices,
  readPlaces,
  type DevicePlaces,
} from '@thresher/api/kubevirt/device-places'
import type { Disk } from '@thresher/api/kubevirt/disk'
import { hotPlugBuses, isHotpluggable } from '@thresher/api/kubevirt/hot-plug'
import type { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import type { Volume } from '@thresher/api/kubevirt/volume'
import { same } from '@thresher/api/same'
import { liveCards } from './live-cards.ts'

type Spec = VirtualMachineInstance['spec']

/** What of a machine's template takes effect while its guest runs. */
export interface LiveUpdate {
  spec: Spec
  /** Where the devices sit then; what was there stays where it is. */
  places: DevicePlaces
}

/**
 * The running instance's spec with all changes of its machine's template that need no restart; undefined when there are
 * none. Pure.
 *
 * A volume comes or goes when it is marked as hotpluggable, with its drive. An empty CD-ROM drive takes such a volume, too. A network
 * card comes with its network, goes when its state is `absent`, and its cable is in or out by its state.
 */
export function liveUpdate(machine: VirtualMachine, instance: VirtualMachineInstance): LiveUpdate | undefined {
  const spec = liveSpec(machine.spec.template.spec, instance.spec, machine.metadata.uid ?? '')
  if (same(spec, instance.spec)) return undefined
  return { spec, places: placeDevices(readPlaces(instance.metadata.annotations), spec) }
}

/** The patch that brings an instance up to a live update. */
export function livePatch({ spec, places }: LiveUpdate): Record<string, unknown> {
  const { volumes, networks, accessCredentials, domain } = spec
  const { disks, interfaces } = domain.devices
  return {
    metadata: { annotations: { [devicePlacesAnnotation]: JSON.stringify(places) } },
    spec: { volumes, networks, accessCredentials, domain: { devices: { disks, interfaces } } },
  }
}

/** The machine's places with those of its running instance, so that its devices are there at the next start as well. Pure. */
export function keptPlaces(machine: VirtualMachine, { disks, nics, volumes }: DevicePlaces): DevicePlaces {
  const before = readPlaces(machine.metadata.annotations)
  const merged = {
    disks: { ...before.disks, ...disks },
    nics: { ...before.nics, ...nics },
    volumes: { ...before.volumes, ...volumes },
  }
  return placeDevices(merged, machine.spec.template.spec)
}

/** An instance's spec with what of the template can be changed while it runs. @param uid of the machine */
export function liveSpec(template: Spec, running: Spec, uid: string): Spec {
  const { volumes, disks } = liveDrives(template, running)
  const { interfaces, networks } = liveCards(template, running, uid)
  const { devices } = running.domain
  return {
    ...running,
    ...(running.volumes || volumes.length > 0 ? { volumes } : {}),
    ...(running.networks || networks.length > 0 ? { networks } : {}),
    ...liveCredentials(template, running),
    domain: {
      ...running.domain,
      devices: {
        ...devices,
        ...(devices.disks || disks.length > 0 ? { disks } : {}),
        ...(devices.interfaces || interfaces.length > 0 ? { interfaces } : {}),
      },
    },
  }
}

/** Credentials are given to a running guest by its agent; those of cloud-init are read at the first boot. */
function liveCredentials(template: Spec, running: Spec): Pick<Spec, 'accessCredentials'> {
  const ofBoot = ({ accessCredentials = [] }: Spec) =>
    accessCredentials.filter(({ sshPublicKey }) => sshPublicKey && !sshPublicKey.propagationMethod.qemuGuestAgent)
  if (!same(ofBoot(template), ofBoot(running))) return {}
  return template.accessCredentials || running.accessCredentials
    ? { accessCredentials: template.accessCredentials ?? [] }
    : {}
}

function liveDrives(template: Spec, running: Spec): { volumes: Volume[]; disks: Disk[] } {
  const before = { volumes: running.volumes ?? [], disks: running.domain.devices.disks ?? [] }
  const wanted = { volumes: template.volumes ?? [], disks: template.domain.devices.disks ?? [] }
  const has = <T extends { name: string }>(list: readonly T[], name: string): T | undefined =>
    list.find((one) => one.name === name)
  const volumes = before.volumes.flatMap((volume): Volume[] => {
    const next = has(wanted.volumes, volume.name)
    if (!isHotpluggable(volume)) return [volume]
    if (!next) return []
    return [isHotpluggable(next) ? next : volume]
  })
  const removed = before.volumes.filter(({ name }) => !has(volumes, name)).map(({ name }) => name)
  const disks = before.disks.filter(({ name, cdrom }) => cdrom !== undefined || !removed.includes(name))
  for (const volume of wanted.volumes) {
    if (!isHotpluggable(volume) || has(before.volumes, volume.name)) continue
    const drive = has(disks, volume.name)
    if (drive ? drive.cdrom === undefined : !canBePlugged(has(wanted.disks, volume.name))) continue
    volumes.push(volume)
    if (!drive) disks.push(has(wanted.disks, volume.name) ?? { name: volume.name, disk: { bus: 'scsi' } })
  }
  return { volumes, disks }
}

/** Whether a drive can come to a running guest. One that the template leaves out is made up for the volume. */
function canBePlugged(disk: Disk | undefined): boolean {
  if (!disk) return true
  return disk.cdrom === undefined && disk.lun === undefined && hotPlugBuses.includes(disk.disk?.bus ?? 'virtio')
}
