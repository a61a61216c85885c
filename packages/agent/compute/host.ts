import type { NetworkDriver } from '../network/network-driver.ts'
import type { GuestUids } from '../guest-uids.ts'
import type { VolumeDriver } from '../storage/volume-driver.ts'
import type { Hierarchy } from './cgroup.ts'
import type { QemuUser } from './process.ts'
import type { FirmwareStore } from './firmware-store.ts'
import type { GuestView } from './guest-view.ts'
import type { HostFacts } from './qemu/input.ts'
import type { StartGate } from './start-gate.ts'
import type { TpmStore } from './tpm/tpm-store.ts'

/** Where log lines go: one per event, without secrets. */
export type Log = (level: 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>) => void

/** What every run on this host shares. */
export interface ComputeHost {
  storage: Pick<VolumeDriver, 'publish' | 'unpublish' | 'room'>
  network: Pick<NetworkDriver, 'plug' | 'unplug'>
  /** Known once the accelerator is proven. */
  facts: Promise<HostFacts>
  /** What every QEMU is beside its run's own user: the group that may read images, and that of /dev/kvm. */
  user: QemuUser
  /** Of which each run gets a number. */
  guestUids: GuestUids
  /** Undefined where this host allows no namespace: then QEMU sees the host as any user does. */
  view: Promise<GuestView | undefined>
  hierarchy: Hierarchy
  /** How many guests start at once. */
  starts: StartGate
  /** The QEMU to run: a name on the path, or a path. */
  program: string
  /** A folder for each run, named by the VMI's UID: sockets and state. */
  runRoot: string
  /** The same for what must not reach a disk: cloud-init's secrets. In memory where the host has such a file system. */
  secretRoot: string
  /** UEFI variables that outlive a run. */
  firmware: FirmwareStore
  /** What TPMs remember beyond a run. */
  tpms: TpmStore
  /** What else outlives a run: console output, scratch disks. */
  dataRoot: string
  /** Folders in which QEMU opens files of volumes, and those of which it only reads. */
  volumeFolders: { writable: string[]; readOnly: string[] }
  log: Log
}
