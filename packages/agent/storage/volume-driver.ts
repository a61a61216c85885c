import type { FileOwner } from './storage-folders.ts'

/** A volume's name on this host: the PersistentVolume's `csi.volumeHandle`, `pvc-<uid of the claim>`. */
export type VolumeId = string

/** An image's name on this host: the UID of the VirtualMachineImage. */
export type ImageId = string

/** What a new volume holds. A volume from an image shares the image's blocks until it writes its own. */
export type VolumeSource = { kind: 'empty' } | { kind: 'image'; image: ImageId } | { kind: 'volume'; volume: VolumeId }

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
}

/**
 * Keeps volumes on one host. Sizes are bytes.
 *
 * Every call may be repeated: creating what exists with the same size and source or deleting what is gone succeeds, so a
 * reconciler that died halfway just runs again. Nothing is visible under a volume's name before it is whole.
 */
export interface VolumeDriver {
  /** Make the folders and remove what an interrupted call left. Call once, before any other. @returns what was removed */
  start(): Promise<string[]>
  /**
   * @throws {DriverError} `NotFound` without the source, `TooSmall` when the source is larger than `bytes`, `NoSpace`,
   *   `Conflict` when the volume exists smaller or from another source, `Invalid`
   */
  create(id: VolumeId, source: VolumeSource, bytes: number, signal?: AbortSignal): Promise<void>
  /**
   * Grow to `bytes`; a volume that is larger already stays as it is.
   *
   * @throws {DriverError} `InUse` while a guest has it open: then QEMU grows it (`block_resize`); `NoSpace`, `NotFound`
   */
  grow(id: VolumeId, bytes: number, signal?: AbortSignal): Promise<void>
  /** @throws {DriverError} `InUse` while a process has it open */
  delete(id: VolumeId): Promise<void>
  /** Undefined when there is no such volume. */
  inspect(id: VolumeId): Promise<VolumeInfo | undefined>
  /** What QEMU must open. For the same user it may be repeated. Pair with {@link unpublish}. @throws {DriverError} `NotFound`, `Corrupt` */
  publish(id: VolumeId, options?: PublishOptions): Promise<BlockNode>
  /** Nothing of a volume is open to its guest any more. @param user as it was published for */
  unpublish(id: VolumeId, user?: FileOwner): Promise<void>
  /** Take back what was given to users of whom nothing is open any more, and nothing published. @returns which volumes */
  reclaim(): Promise<VolumeId[]>
  /** The size that a guest sees, in bytes; undefined when there is no such volume, or it cannot be read. Cheap: asked of all at once. */
  size(id: VolumeId): Promise<number | undefined>
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
