import { busOf, diskKey } from '@thresher/api/kubevirt/device-places'
import type { Disk } from '@thresher/api/kubevirt/disk'
import { diskSerial, scsiSerialBytes } from '@thresher/api/kubevirt/disk-serials'
import { isHotpluggable } from '@thresher/api/kubevirt/hot-plug'
import type { Draft, Options } from './draft.ts'
import type { BlockdevOptions, PlacedDisk, QemuInput, ResolvedVolume } from './input.ts'
import { addIoThreads, firstIoThread } from './io-threads.ts'
import { diskPort, maxDiskPorts, onRootBus, slots } from './pci.ts'

/** Ports of the chipset's SATA controller. */
const sataPorts = 6

/** What a drive is made from. */
export interface DiskInput extends Pick<QemuInput, 'vmi' | 'volumes' | 'places'> {
  /** The threads of the pool, by the disks they were given to when the guest started. */
  threads?: ReadonlyMap<string, string>
}

/** How many drives of a kind have a name so far. */
interface Counters {
  cdrom: number
  letters: Record<'sd', number>
}

/** How many root ports the disks need: up to the last that is taken. */
export function virtioPorts(input: QemuInput): number {
  return 1 + Math.max(-1, ...virtioPlaces(input))
}

function virtioPlaces({ vmi, places }: DiskInput): number[] {
  const disks = (vmi.spec.domain.devices.disks ?? []).filter((disk) => busOf(disk) === 'virtio')
  return disks.map((disk) => places.disks[diskKey(disk)] ?? 0)
}

/** Whether a USB controller must be there for a disk. */
export function hasUsbDisk({ vmi }: QemuInput): boolean {
  return (vmi.spec.domain.devices.disks ?? []).some((disk) => busOf(disk) === 'usb')
}

/** All disks and CD-ROMs with what they read from. */
export function addDisks(draft: Draft, input: QemuInput): PlacedDisk[] {
  const disks = input.vmi.spec.domain.devices.disks ?? []
  const boot = bootIndexes(input)
  const counters: Counters = { cdrom: 0, letters: { sd: 0 } }
  // There from the start, so that disks can come to it while the guest runs.
  if (disks.some((disk) => busOf(disk) === 'scsi') || !input.vmi.spec.domain.devices.disableHotplug)
    draft.device('virtio-scsi-pci', { id: 'scsi0', ...onRootBus(slots.scsi) })
  const threads = addIoThreads(draft, input)
  const opened = new Set<string>()
  return disks.map((disk, index) => {
    const at = `spec.domain.devices.disks[${index}]`
    refuseUnsupported(draft, disk, at)
    const volume = input.volumes.get(disk.name)
    if (!volume && !disk.cdrom) draft.refuse(`${at}.name`, `the volume ${disk.name} is not available on this node`)
    if (volume && !opened.has(volume.nodeName)) {
      opened.add(volume.nodeName)
      for (const node of volume.blockdevs) draft.blockdev(withCache(node, disk))
      draft.files.push(...volume.files)
    }
    return addDisk(draft, { ...input, threads }, disk, volume, at, boot.get(`disk ${disk.name}`), counters)
  })
}

/** Name what of a drive cannot be carried out. */
export function refuseUnsupported(draft: Draft, disk: Disk, at: string): void {
  draft.refuseIf(disk.lun, `${at}.lun`, 'SCSI commands cannot be passed on to a device of the host; use disk')
  draft.refuseIf(disk.disk?.pciAddress || undefined, `${at}.disk.pciAddress`, 'addresses are assigned; remove it')
  if (disk.changedBlockTracking) draft.refuse(`${at}.changedBlockTracking`, 'is not available yet; remove it')
}

/** One drive. */
export function addDisk(
  draft: Draft,
  input: DiskInput,
  disk: Disk,
  volume: ResolvedVolume | undefined,
  at: string,
  bootindex: number | undefined,
  counters: Counters,
): PlacedDisk {
  const id = `disk-${disk.name}`
  const bus = busOf(disk)
  const place = input.places.disks[diskKey(disk)] ?? 0
  const common: Options = {
    id,
    ...(volume ? { drive: volume.nodeName } : {}),
    ...(bootindex === undefined ? {} : { bootindex }),
    ...serialOf(input.vmi.spec, disk),
    ...errorPolicy(draft, disk, at),
    ...blockSize(disk),
    ...(disk.shareable ? { 'share-rw': true } : {}),
  }
  const source = input.vmi.spec.volumes?.find(({ name }) => name === disk.name)
  const placed = (target: string): PlacedDisk => ({
    name: disk.name,
    device: id,
    ...(volume ? { nodeName: volume.nodeName } : {}),
    target,
    ...(source && isHotpluggable(source) ? { hot: true } : {}),
  })
  const letter = (prefix: 'sd'): string => prefix + diskLetters(counters.letters[prefix]++)
  const target = (prefix: 'sd'): string => (disk.cdrom ? `sr${counters.cdrom++}` : letter(prefix))
  switch (bus) {
    case 'virtio': {
      const port = place
      // The guest names them in the order of their ports.
      const rank = virtioPlaces(input).filter((one) => one < port).length
      if (port >= maxDiskPorts)
        draft.refuse(`${at}.disk.bus`, `at most ${maxDiskPorts} disks fit on virtio; use scsi for more`)
      if (disk.cdrom) draft.refuse(`${at}.cdrom.bus`, 'CD-ROMs sit on sata, scsi or usb')
      draft.device('virtio-blk-pci', {
        ...common,
        bus: diskPort(port),
        ...ioThread(draft, input, disk),
        ...(input.vmi.spec.domain.devices.blockMultiQueue ? { 'num-queues': queues(input) } : {}),
      })
      return placed(`vd${diskLetters(rank)}`)
    }
    case 'sata': {
      const port = place
      if (port >= sataPorts)
        draft.refuse(
          `${at}.${disk.cdrom ? 'cdrom' : 'disk'}.bus`,
          `at most ${sataPorts} drives fit on sata; use virtio or scsi for more`,
        )
      if (disk.disk?.readonly)
        draft.refuse(`${at}.disk.readonly`, 'a SATA disk cannot be read-only; use bus virtio or scsi')
      draft.device(disk.cdrom ? 'ide-cd' : 'ide-hd', { ...common, bus: `ide.${port}` })
      return placed(target('sd'))
    }
    case 'scsi': {
      const unit = place
      draft.device(disk.cdrom ? 'scsi-cd' : 'scsi-hd', {
        ...common,
        bus: 'scsi0.0',
        channel: 0,
        'scsi-id': Math.floor(unit / 8),
        lun: unit % 8,
      })
      return placed(target('sd'))
    }
    case 'usb': {
      const { rerror: _r, werror: _w, ...options } = common
      draft.device('usb-storage', { ...options, bus: 'usb0.0', removable: disk.cdrom !== undefined })
      return placed(letter('sd'))
    }
    default:
      draft.refuse(`${at}.disk.bus`, `${JSON.stringify(bus)} is not a bus; use virtio, sata, scsi or usb`)
      return placed('')
  }
}

/** The drive's serial number, as its bus shows it. */
function serialOf(spec: QemuInput['vmi']['spec'], disk: Disk): Options {
  const serial = diskSerial(spec, disk)
  if (serial === undefined) return {}
  if (busOf(disk) !== 'scsi') return { serial }
  // Without an identifier, QEMU takes the first 20 characters of the serial for that by which by-id names are made.
  return { serial: serial.slice(0, scsiSerialBytes), device_id: serial }
}

function ioThread(draft: Draft, { vmi, threads }: DiskInput, disk: Disk): Options {
  if (disk.dedicatedIOThread) {
    const iothread = `iothread-${disk.name}`
    draft.object('iothread', { id: iothread })
    return { iothread }
  }
  // A disk that comes later joins the pool's first.
  const iothread = threads ? threads.get(disk.name) : vmi.spec.domain.ioThreadsPolicy ? firstIoThread : undefined
  return iothread === undefined ? {} : { iothread }
}

function queues({ vmi }: DiskInput): number {
  const { sockets = 1, cores = 1, threads = 1 } = vmi.spec.domain.cpu ?? {}
  return sockets * cores * threads
}

/** The caller's cache and I/O mode on every node of the chain; the storage driver's choice where nothing is asked. */
export function withCache(node: BlockdevOptions, disk: Disk): BlockdevOptions {
  const isFile = node.driver === 'file' || node.driver === 'host_device'
  const direct = disk.cache === 'none' || disk.io === 'native'
  return {
    ...node,
    ...(disk.cache || direct ? { cache: { direct, 'no-flush': false } } : {}),
    ...(isFile && disk.io && disk.io !== 'default' ? { aio: disk.io } : {}),
  }
}

function errorPolicy(draft: Draft, disk: Disk, at: string): Options {
  switch (disk.errorPolicy) {
    case undefined:
    case '':
      return {}
    case 'stop':
    case 'ignore':
    case 'report':
      return { werror: disk.errorPolicy, rerror: disk.errorPolicy }
    case 'enospace':
      return { werror: 'enospc', rerror: 'report' }
    default:
      draft.refuse(
        `${at}.errorPolicy`,
        `${JSON.stringify(disk.errorPolicy)} is not a policy; use stop, ignore, report or enospace`,
      )
      return {}
  }
}

function blockSize(disk: Disk): Options {
  const custom = disk.blockSize?.custom
  if (!custom) return {}
  return {
    ...(custom.logical ? { logical_block_size: custom.logical } : {}),
    ...(custom.physical ? { physical_block_size: custom.physical } : {}),
    ...(custom.discardGranularity ? { discard_granularity: custom.discardGranularity } : {}),
  }
}

/** `a`, `b`, … `z`, `aa`, … as Linux names disks. */
export function diskLetters(index: number): string {
  const letter = String.fromCharCode(97 + (index % 26))
  return index < 26 ? letter : diskLetters(Math.floor(index / 26) - 1) + letter
}

/**
 * From what the firmware tries to start: devices with a `bootOrder` in that order; when none has one, the disks as listed,
 * without those that only carry configuration.
 */
export function bootIndexes({ vmi, volumes }: Pick<QemuInput, 'vmi' | 'volumes'>): Map<string, number> {
  const { disks = [], interfaces = [] } = vmi.spec.domain.devices
  const ordered = new Map<string, number>()
  for (const disk of disks) if (disk.bootOrder) ordered.set(`disk ${disk.name}`, disk.bootOrder)
  for (const card of interfaces) if (card.bootOrder) ordered.set(`nic ${card.name}`, card.bootOrder)
  if (ordered.size > 0) return ordered
  const bootable = disks.filter((disk) => volumes.get(disk.name) && !volumes.get(disk.name)?.seed)
  return new Map(bootable.map((disk, index) => [`disk ${disk.name}`, index + 1]))
}
