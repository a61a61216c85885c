import type { PlannedVolume } from '../plan.ts'
import type { RunningConfig } from '../run-state.ts'

/** A drive whose volume may come and go while the guest runs, as the instance's spec has it. */
export interface WantedDrive {
  name: string
  /** QEMU's id of the drive's device. */
  device: string
  /** QEMU's name for the node of its volume. */
  node: string
  cdrom: boolean
  /** Its volume, when that is there. */
  volume?: PlannedVolume
  /** What of its volume is not there yet, as words that follow "waits for". */
  waitsFor?: string
}

/** What decides about the drives of a running guest. */
export interface DriveFacts {
  wanted: readonly WantedDrive[]
  /** As the run knows its drives. */
  disks: RunningConfig['disks']
  /** The volumes that the run holds. */
  held: readonly { id: string; node: string }[]
  /** The drives that QEMU has, by their ids, with the node that each reads from. */
  devices: ReadonlyMap<string, { node?: string; removable: boolean }>
  /** The block nodes that QEMU has open. */
  nodes: ReadonlySet<string>
}

export type DriveStep =
  /** Take the medium out of a drive. */
  | { do: 'eject'; device: string; name: string }
  /** Ask the guest to let go of a drive; QEMU reports when it has. */
  | { do: 'detach'; device: string; name: string }
  /** Nothing uses the volume: close its nodes and give it back. */
  | { do: 'close'; id: string; node: string; name: string }
  /** Hold the volume and open its nodes. */
  | { do: 'open'; drive: WantedDrive; volume: PlannedVolume }
  | { do: 'insert'; drive: WantedDrive }
  | { do: 'attach'; drive: WantedDrive }
  /** An agent that died attached it but could not write that down. */
  | { do: 'record'; drive: WantedDrive }

/**
 * The next step for each drive that is not as it is wanted; none when all are. Every step may be taken again after an agent
 * died in the middle of it. Pure.
 *
 * ```
 *  held ─► nodes open ─► device attached ─► written down        and back:  device gone ─► nodes closed ─► given back
 * ```
 */
export function planDrives(facts: DriveFacts): DriveStep[] {
  return [
    ...facts.held.flatMap((one) => removal(facts, one)),
    ...facts.wanted.flatMap((drive) => arrival(facts, drive)),
  ]
}

function removal({ wanted, disks, devices }: DriveFacts, { id, node }: DriveFacts['held'][number]): DriveStep[] {
  // A claim that cannot be read just now is no reason to take its volume away.
  if (wanted.some((drive) => drive.node === node && (!drive.volume || drive.volume.id === id))) return []
  const disk = disks.find(({ nodeName }) => nodeName === node)
  // What cannot come and go stays until the guest ends.
  if (disk && !disk.hot) return []
  const [device, state] = [...devices].find(([, one]) => one.node === node) ?? []
  const name = disk?.name ?? device?.replace(/^disk-/, '') ?? node
  if (!device || !state) return [{ do: 'close', id, node, name }]
  return [state.removable ? { do: 'eject', device, name } : { do: 'detach', device, name }]
}

function arrival({ disks, held, devices, nodes }: DriveFacts, drive: WantedDrive): DriveStep[] {
  const { volume, node } = drive
  const holding = held.find((one) => one.node === node)
  // Another volume is on its way out of this drive.
  if (!volume || (holding && holding.id !== volume.id)) return []
  const device = devices.get(drive.device)
  if (drive.cdrom && (!device || (device.node !== undefined && device.node !== node))) return []
  // A chain is opened from its end, so its top is there last.
  if (!holding || !nodes.has(node)) return [{ do: 'open', drive, volume }]
  if (drive.cdrom && device?.node === undefined) return [{ do: 'insert', drive }]
  if (!device) return [{ do: 'attach', drive }]
  const known = disks.some(({ name, nodeName }) => name === drive.name && nodeName === node)
  return known ? [] : [{ do: 'record', drive }]
}
