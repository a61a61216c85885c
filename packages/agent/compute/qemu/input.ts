import type { DevicePlaces } from '@thresher/api/kubevirt/device-places'
import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import type { BlockNode, BlockdevOptions, GrantedFile } from '../../storage/volume-driver.ts'

/** What runs the guest's code: the processor's own virtualization, or QEMU's translator. */
export type Accelerator = 'kvm' | 'tcg'

/** What this host offers to every guest. */
export interface HostFacts {
  accelerator: Accelerator
  qemu: { major: number; minor: number; micro: number }
  /** Folder of OVMF's images, such as `/usr/share/OVMF`; undefined where UEFI is not installed. */
  ovmf?: string
  /** Whether TPMs can be emulated. */
  swtpm?: boolean
}

/** Files and sockets of one run, all absolute and free of commas. Sockets stay below 108 bytes (unix(7)). */
export interface RunPaths {
  qmp: string
  serial: string
  vnc: string
  guestAgent: string
  pidFile: string
  /** The run's own copy of the UEFI variables. */
  nvram: string
  /** Where the run's TPM listens, if it has one. */
  tpm: string
}

/** A volume that can be opened: a claim's, a seed's, an empty disk's. */
export interface ResolvedVolume extends Pick<BlockNode, 'nodeName' | 'blockdevs' | 'files'> {
  /** Made by the agent for the guest's first boot; never booted from. */
  seed?: boolean
}

/** A NIC whose tap exists. */
export interface ResolvedNic {
  mac: string
  ifname: string
  offloads: boolean
  mtu: number
}

/** All that decides how a guest is run. */
export interface QemuInput {
  vmi: VirtualMachineInstance
  host: HostFacts
  /** By the volume's name in the spec. */
  volumes: ReadonlyMap<string, ResolvedVolume>
  /** By the interface's name in the spec. */
  nics: ReadonlyMap<string, ResolvedNic>
  paths: RunPaths
  /** Where each device sits. */
  places: DevicePlaces
  /** The pinned machine type of an earlier start of this run, so that a migration finds the same; the host's newest q35 unless given. */
  machineType?: string
  now: Date
}

/** A disk as it ended up, for the VMI's status and for hot unplug. */
export interface PlacedDisk {
  /** The volume's name. */
  name: string
  /** QEMU's device id. */
  device: string
  nodeName?: string
  /** What the guest will likely call it: `vda`, `sda`, `sr0`. */
  target: string
  /** Its volume may go while the guest runs. */
  hot?: true
}

/** A network card as it ended up. */
export interface PlacedNic {
  name: string
  device: string
  mac: string
  ifname: string
}

/** How to run a guest. */
export interface QemuConfig {
  /** Arguments after the program's name. */
  args: string[]
  machineType: string
  uuid: string
  cpus: number
  guestBytes: number
  /** What QEMU itself may need beside the guest's memory. */
  overheadBytes: number
  disks: PlacedDisk[]
  nics: PlacedNic[]
  /** Files QEMU opens by path. */
  files: GrantedFile[]
  /** Firmware variables to copy from, when the guest starts by UEFI. */
  nvramTemplate?: string
  features: { serial: boolean; graphics: boolean; balloon: boolean; secureBoot: boolean }
}

export type { BlockdevOptions, GrantedFile }
