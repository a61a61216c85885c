import { matches } from '../matches.ts'
import { Type } from '../type.ts'
import type { Disk } from './disk.ts'
import type { Domain } from './domain.ts'
import type { Interface } from './interface.ts'

/** On a VirtualMachine and its instances: where each device sits, by its name, as JSON of {@link DevicePlaces}. */
export const devicePlacesAnnotation = 'thresher.io/device-places'

const Places = Type.Record(Type.String(), Type.Integer({ minimum: 0, maximum: 255 }))

const Stored = Type.Object({ disks: Places, nics: Places, volumes: Places })

/**
 * Where each device sits, by its name: a number on its bus for disks and network cards, and a number for each volume, from
 * which QEMU's name for it is made. They belong to the machine and not to its spec's order: a guest finds its devices where
 * they were after others have come or gone, and wherever it is moved.
 */
export interface DevicePlaces {
  /** `<bus>/<disk>`, such as `virtio/root`. */
  disks: Record<string, number>
  /** `pcie/<card>` or `pci/<card>`. */
  nics: Record<string, number>
  volumes: Record<string, number>
}

/** What is placed. */
export interface PlacedSpec {
  domain: Domain
  volumes?: { name: string }[]
}

/** The places in an annotation; none when there is none, or it is wrong. */
export function readPlaces(annotations: Record<string, string> = {}): DevicePlaces {
  try {
    const stored: unknown = JSON.parse(annotations[devicePlacesAnnotation] ?? '')
    if (matches(Stored, stored)) return stored
  } catch {
    // As if there were none.
  }
  return { disks: {}, nics: {}, volumes: {} }
}

/** The places of all devices of a spec: what had one keeps it, what is new gets the first that is free, what is gone frees its own. Pure. */
export function placeDevices(before: DevicePlaces, { domain, volumes = [] }: PlacedSpec): DevicePlaces {
  const { disks = [], interfaces = [] } = domain.devices
  return {
    disks: place(before.disks, disks.map(diskKey)),
    nics: place(before.nics, interfaces.filter(({ state }) => state !== 'absent').map(nicKey)),
    volumes: place(
      before.volumes,
      volumes.map(({ name }) => name),
    ),
  }
}

/** The bus a disk sits on; CD-ROMs of the old IDE kind sit on the chipset's SATA, as q35 has no IDE. */
export function busOf(disk: Disk): string {
  const bus = disk.cdrom ? (disk.cdrom.bus ?? 'sata') : (disk.disk?.bus ?? disk.lun?.bus ?? 'virtio')
  return bus === 'ide' ? 'sata' : bus
}

/** Under which key of {@link DevicePlaces.disks} a disk is. A disk that changes its bus moves. */
export function diskKey(disk: Disk): string {
  return `${busOf(disk)}/${disk.name}`
}

const conventional = new Set(['e1000', 'rtl8139', 'ne2k_pci', 'pcnet'])

/** Whether a card is a conventional PCI card, which does not go behind a PCI Express port. */
export function isConventional({ model }: Interface): boolean {
  return conventional.has(model ?? '')
}

/** Under which key of {@link DevicePlaces.nics} a card is. */
export function nicKey(card: Interface): string {
  return `${isConventional(card) ? 'pci' : 'pcie'}/${card.name}`
}

function place(before: Record<string, number>, keys: readonly string[]): Record<string, number> {
  const places = new Map<string, number>()
  const taken = new Set<string>()
  const take = (key: string, at: number): boolean => {
    const seat = `${familyOf(key)}/${at}`
    if (taken.has(seat)) return false
    taken.add(seat)
    places.set(key, at)
    return true
  }
  for (const key of keys) if (Object.hasOwn(before, key)) take(key, before[key]!)
  for (const key of keys) for (let at = 0; !places.has(key); at++) take(key, at)
  return Object.fromEntries(keys.map((key) => [key, places.get(key)!]))
}

/** What shares a row of places: a bus; all volumes. */
function familyOf(key: string): string {
  const slash = key.indexOf('/')
  return slash < 0 ? '' : key.slice(0, slash)
}
