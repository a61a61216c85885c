import type { OpenVolumes } from './open-volumes.ts'
import type { FileOwner } from './storage-folders.ts'

/** A volume's name on this host: the PersistentVolume's `csi.volumeHandle`, `pvc-<uid of the claim>`. */
export type VolumeId = string

/** An image's name on this host: the UID of the VirtualMachineImage. */
export type ImageId = string

/** A snapshot's name on this host: the VolumeSnapshotContent's `snapshotHandle`. */
export type SnapshotId = string

/**
 * What a new volume holds: at first it shares the blocks of what it is made from, until it writes its own. A volume that a guest has
 * open is taken as it is at that moment.
 */
export type VolumeSource =
  | { kind: 'empty' }
  | { kind: 'image'; image: ImageId }
  | { kind: 'volume'; volume: VolumeId }
  | { kind: 'snapshot'; snapshot: SnapshotId }
  /** What `fill` writes into its file, a qcow2 that stands on nothing, before the volume has its name. */
  | { kind: 'content'; fill: (file: string) => Promise<void> }

/** A volume to be kept as it is now, under a name of its own. */
export interface SnapshotRequest {
  snapshot: SnapshotId
  volume: VolumeId
}

/** What is known of a snapshot that exists. */
export interface SnapshotInfo {
  volume: VolumeId
  /** The size of a volume made from it, at least. */
  bytes: number
  /** ISO 8601. */
  createdAt: string
}

/** A volume's content as it was at one moment, to be read at leisure; disposing of it lets it go. */
export interface FrozenVolume extends AsyncDisposable {
  /** A qcow2 file of this host, with all that it names below it. */
  path: string
  bytes: number
  /** What it takes on the disk, without the image it shares. */
  allocatedBytes: number
}

/** A snapshot's content, for a program of another user to read; disposing of it lets it go. */
export interface OpenSnapshot extends AsyncDisposable {
  /** To be opened read-only, by a user in its groups. */
  node: BlockNode
  /** How many of its topmost files are newer than the snapshot that was asked about; undefined when it does not stand on that. */
  newer?: number
}

/** What is known of a volume that exists. */
export interface VolumeInfo {
  /** The size the guest sees. */
  bytes: number
  /** What it takes on the host's disk, without the image it shares. */
  allocatedBytes: number
  /** The image whose blocks it shares. */
  image?: ImageId
  /** Whether a process has the volume open right now. */
  inUse: boolean
}

/** Room on the disk that holds the volumes. */
export interface Room {
  totalBytes: number
  freeBytes: number
}

/** The arguments of one `blockdev-add`, also good for `-blockdev` as JSON. */
export interface BlockdevOptions {
  driver: string
  'node-name': string
  'read-only'?: boolean
  [option: string]: unknown
}

/** A file that QEMU opens by its path. */
export interface GrantedFile {
  path: string
  access: 'read' | 'write'
}

/** What QEMU must open to give a guest this volume. */
export interface BlockNode {
  /** The node a device attaches to (`drive=<nodeName>`), and the one that `block_resize` takes. */
  nodeName: string
  /**
   * In the order they must be added; remove in reverse. The whole chain is named down to the last file, so QEMU never
   * opens a path that it only read in a file's header.
   */
  blockdevs: BlockdevOptions[]
  /** The user QEMU runs as may already open these; whoever confines QEMU further lets it reach them. */
  files: GrantedFile[]
  /** Groups that QEMU must be in to open them, beside its user's own. */
  groups?: number[]
  /** The size the guest sees. */
  bytes: number
}

/** How a guest will use a volume. */
export interface PublishOptions {
  /**
   * At most 20 of `[a-z0-9-]`, a letter first, unique within one QEMU. Nodes below are named `<nodeName>-file`,
   * `<nodeName>-b1`, … Derived from the volume's id unless given.
   */
  nodeName?: string
  /** For CD-ROMs and disks that the guest must not change. */
  readOnly?: boolean
  /** The user that QEMU runs as: from then on it may open the volume, and no other user. */
  user?: FileOwner
  /** Others may have the volume open at the same time: each must be in the volume's group. */
  shared?: boolean
  /** The user's QEMU runs already, and so gets into no more groups. */
  running?: boolean
}

/**
 * Keeps volumes on one host. Sizes are bytes.
 *
 * Every call may be repeated: creating what exists with the same size and source or deleting what is gone succeeds, so a
 * reconciler that died halfway just runs again. Nothing is visible under a volume's name before it is whole.
 */
export interface VolumeDriver {
  /** Who has volumes open, and is asked to change those. Until then nobody has any. */
  serve(open: OpenVolumes): void
  /** Make the folders and remove what an interrupted call left. Call once, before any other. @returns what was removed */
  start(): Promise<string[]>
  /**
   * @throws {DriverError} `NotFound` without the source, `TooSmall` when the source is larger than `bytes`, `NoSpace`,
   *   `Conflict` when the volume exists smaller or from another source, `Invalid`
   */
  create(id: VolumeId, source: VolumeSource, bytes: number, signal?: AbortSignal): Promise<void>
  /**
   * Grow to `bytes`; a volume that is larger already stays as it is. A guest that has it open sees it at once.
   *
   * @throws {DriverError} `InUse` while it is open, but not in a guest that runs; `NoSpace`, `NotFound`
   */
  grow(id: VolumeId, bytes: number, signal?: AbortSignal): Promise<void>
  /** Its snapshots, and volumes made from it, stay as they are. @throws {DriverError} `InUse` while a process has it open */
  delete(id: VolumeId): Promise<void>
  /**
   * Keep volumes as they are now: those that one guest has open at one instant, while it runs on.
   *
   * @param options.freeze hold the file systems of guests still meanwhile, where they have an agent
   * @returns whether the file systems of all guests stood still
   * @throws {DriverError} `NotFound`, `InUse` for a volume that is just being opened, `Conflict` when a snapshot exists of another
   *   volume, `NoSpace`, `CommandFailed`; then none of them was taken
   */
  snapshot(wanted: readonly SnapshotRequest[], options?: { freeze?: boolean }): Promise<{ frozen: boolean }>
  /** At any time: volumes made from it stay as they are. */
  deleteSnapshot(id: SnapshotId): Promise<void>
  /** Undefined when there is no such snapshot. @throws {DriverError} `Corrupt` */
  inspectSnapshot(id: SnapshotId): Promise<SnapshotInfo | undefined>
  listSnapshots(): Promise<SnapshotId[]>
  /**
   * Let a snapshot be read, whatever becomes of it and its volume meanwhile.
   *
   * @param options.since a snapshot that it may stand on @throws {DriverError} `NotFound`, `Corrupt`
   */
  openSnapshot(id: SnapshotId, options?: { since?: SnapshotId }): Promise<OpenSnapshot>
  /** The volume's content as it is now. @throws {DriverError} `NotFound`, `InUse` */
  freeze(id: VolumeId): Promise<FrozenVolume>
  /**
   * Give back the space of what was deleted and keep reads short: whatever can be done now, for as long as nobody else wants the volumes.
   *
   * @returns whether something is left to do, such as when a guest ends
   */
  tidy(signal?: AbortSignal): Promise<boolean>
  /** Undefined when there is no such volume. */
  inspect(id: VolumeId): Promise<VolumeInfo | undefined>
  /** What QEMU must open. For the same user it may be repeated. Pair with {@link unpublish}. @throws {DriverError} `NotFound`, `Corrupt` */
  publish(id: VolumeId, options?: PublishOptions): Promise<BlockNode>
  /** Nothing of a volume is open to its guest any more. @param user as it was published for */
  unpublish(id: VolumeId, user?: FileOwner): Promise<void>
  /** Take back what was given to users of whom nothing is open any more, and nothing published. @returns which volumes */
  reclaim(): Promise<VolumeId[]>
  /** What the files of each volume take on the disk, those of its snapshots among them, in bytes. */
  allocations(): Promise<Map<VolumeId, number>>
  /** The sizes that guests see, in bytes; volumes that cannot be read are left out. */
  sizes(): Promise<Map<VolumeId, number>>
  list(): Promise<VolumeId[]>
  room(): Promise<Room>
}

/** Why a storage driver could not do it; the message names the volume or image and says what to do. */
export type DriverReason =
  | 'NotFound'
  | 'NoSpace'
  | 'InUse'
  | 'TooSmall'
  | 'Conflict'
  | 'Corrupt'
  | 'Refused'
  | 'Unsupported'
  | 'Invalid'
  | 'CommandFailed'

/** The one error of storage drivers. */
export class DriverError extends Error {
  readonly reason: DriverReason

  constructor(reason: DriverReason, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'DriverError'
    this.reason = reason
  }
}

/** Whether `error` is a {@link DriverError} with one of these reasons. */
export function isDriverError(error: unknown, ...reasons: DriverReason[]): error is DriverError {
  return error instanceof DriverError && (reasons.length === 0 || reasons.includes(error.reason))
}
