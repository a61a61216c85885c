import { randomBytes } from 'node:crypto'
import { chmod, open, readdir, rename, rm, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { GuestUids } from '../guest-uids.ts'
import { blockNode, type FileAccess } from './block-node.ts'
import { probeFileAccess } from './file-access.ts'
import { isOpenByQemu } from './file-locks.ts'
import { readQcow2Header } from './qcow2-header.ts'
import { qemuImg } from './qemu-img.ts'
import { backingName, imageOfBackingName, StorageFolders, type FileOwner } from './storage-folders.ts'
import {
  DriverError,
  type BlockNode,
  type PublishOptions,
  type Room,
  type VolumeDriver,
  type VolumeId,
  type VolumeInfo,
  type VolumeSource,
} from './volume-driver.ts'
import { VolumeAccess } from './volume-access.ts'

/** Where a {@link LocalDriver} keeps its files and who opens them. */
export interface LocalOptions {
  folders: StorageFolders
  /** The numbers of which volumes that several guests share get their groups. */
  guestUids?: GuestUids
}

/** Left free for the host, so that a full disk stops new volumes before it stops everything else. */
const reserveBytes = 256 * 1024 * 1024
const sectorBytes = 4096
const temporary = '.new-'
/** Stands for whoever opens a volume without being given access to it, such as root. */
const nobody = -1

/** Large clusters with small parts: little metadata, yet a small write to a shared cluster copies only 4 KiB. */
const layout = 'extended_l2=on,cluster_size=128k'

/**
 * Volumes as qcow2 files on this host's file system; a volume from an image is an overlay on the image's file.
 *
 * A file appears under its name by a rename when it is whole. The header alone tells its size and image.
 */
export class LocalDriver implements VolumeDriver {
  readonly #folders: StorageFolders
  readonly #files: VolumeAccess
  /** To which users a volume is published. */
  readonly #published = new Map<VolumeId, Set<number>>()
  #access: FileAccess = { direct: false, aio: 'threads' }

  constructor({ folders, guestUids }: LocalOptions) {
    this.#folders = folders
    this.#files = new VolumeAccess(guestUids)
  }

  async start(): Promise<string[]> {
    await this.#folders.make()
    this.#access = await probeFileAccess(this.#folders.volumes)
    const leftovers = (await readdir(this.#folders.volumes)).filter((name) => name.startsWith(temporary))
    for (const name of leftovers) await rm(join(this.#folders.volumes, name), { force: true })
    return leftovers
  }

  async create(id: VolumeId, source: VolumeSource, bytes: number, signal?: AbortSignal): Promise<void> {
    const path = this.#folders.volume(id)
    const size = wholeSectors(bytes, id)
    const existing = await this.inspect(id)
    if (existing) return agree(id, existing, source, size)
    await this.#refuseWhatCannotFit(`volume ${id}`, size)
    const draft = join(this.#folders.volumes, `${temporary}${randomBytes(6).toString('hex')}`)
    try {
      await this.#write(draft, id, source, size, signal)
      await this.#settle(draft, path)
    } catch (error) {
      await rm(draft, { force: true })
      throw error
    }
  }

  async grow(id: VolumeId, bytes: number, signal?: AbortSignal): Promise<void> {
    const size = wholeSectors(bytes, id)
    const now = await this.#existing(id)
    if (now.bytes >= size) return
    if (now.inUse) throw new DriverError('InUse', `volume ${id} is open in a running guest, which has to grow it`)
    await this.#refuseWhatCannotFit(`volume ${id}`, size)
    await qemuImg(['resize', '-q', '-f', 'qcow2', this.#folders.volume(id), String(size)], `volume ${id}`, { signal })
  }

  async delete(id: VolumeId): Promise<void> {
    const info = await this.inspect(id)
    if (!info) return
    if (info.inUse) throw new DriverError('InUse', `volume ${id} is open in a running guest; stop it first`)
    await rm(this.#folders.volume(id), { force: true })
  }

  async inspect(id: VolumeId): Promise<VolumeInfo | undefined> {
    const path = this.#folders.volume(id)
    const file = await stat(path).catch(onlyMissing)
    if (!file) return undefined
    const header = await this.#header(id, path)
    return {
      bytes: header.bytes,
      allocatedBytes: file.blocks * 512,
      image: header.image,
      inUse: this.#published.has(id) || (await isOpenByQemu(path)),
    }
  }

  async publish(id: VolumeId, options: PublishOptions = {}): Promise<BlockNode> {
    const path = this.#folders.volume(id)
    if (!(await stat(path).catch(onlyMissing)))
      throw new DriverError('NotFound', `there is no volume ${id} on this host`)
    const { bytes, image } = await this.#header(id, path)
    const below = image ? [this.#folders.image(image)] : []
    for (const file of below) {
      if (!(await stat(file).catch(onlyMissing)))
        throw new DriverError('NotFound', `volume ${id} needs image ${image}, whose file is missing on this host`)
    }
    const node = blockNode({ id, bytes, paths: [path, ...below] }, this.#access, options)
    this.#published.set(id, (this.#published.get(id) ?? new Set()).add(options.user?.uid ?? nobody))
    if (!options.user) return node
    try {
      return { ...node, groups: await this.#files.give(path, options.user, options) }
    } catch (error) {
      await this.unpublish(id, options.user)
      throw error
    }
  }

  async unpublish(id: VolumeId, user?: FileOwner): Promise<void> {
    const users = this.#published.get(id)
    users?.delete(user?.uid ?? nobody)
    if (users && users.size > 0) return
    this.#published.delete(id)
    await this.#takeBack(id)
  }

  async reclaim(): Promise<VolumeId[]> {
    const back: VolumeId[] = []
    for (const id of await this.list()) if (!this.#published.has(id) && (await this.#takeBack(id))) back.push(id)
    return back
  }

  /** A volume that another guest, of an earlier agent, has open stays that guest's; its own end takes it back. */
  async #takeBack(id: VolumeId): Promise<boolean> {
    const path = this.#folders.volume(id)
    try {
      return !(await isOpenByQemu(path)) && (await this.#files.takeBack(path))
    } catch (error) {
      onlyMissing(error as NodeJS.ErrnoException)
      return false
    }
  }

  async size(id: VolumeId): Promise<number | undefined> {
    return (await readQcow2Header(this.#folders.volume(id)).catch(onlyMissing))?.bytes
  }

  async list(): Promise<VolumeId[]> {
    const names = await readdir(this.#folders.volumes)
    return names.filter((name) => name.endsWith('.qcow2') && !name.startsWith('.')).map((name) => name.slice(0, -6))
  }

  async room(): Promise<Room> {
    const { blocks, bavail, bsize } = await statfs(this.#folders.volumes)
    return { totalBytes: blocks * bsize, freeBytes: bavail * bsize }
  }

  async #write(draft: string, id: VolumeId, source: VolumeSource, size: number, signal?: AbortSignal): Promise<void> {
    const subject = `volume ${id}`
    const options = { cwd: this.#folders.volumes, signal }
    const create = ['create', '-q', '-f', 'qcow2', '-o', layout]
    if (source.kind === 'empty') {
      await qemuImg([...create, draft, String(size)], subject, options)
    } else if (source.kind === 'image') {
      await this.#checkImage(id, source.image, size)
      await qemuImg([...create, '-b', backingName(source.image), '-F', 'qcow2', draft, String(size)], subject, options)
    } else {
      const from = await this.#existing(source.volume)
      if (from.bytes > size) throw tooSmall(id, size, `volume ${source.volume}`, from.bytes)
      await this.#refuseWhatCannotFit(subject, size, from.allocatedBytes)
      const shared = from.image ? ['-B', backingName(from.image), '-F', 'qcow2'] : []
      const copy = ['convert', '-q', '-f', 'qcow2', '-O', 'qcow2', '-o', layout, '-W', '-m', '8', ...shared]
      await qemuImg([...copy, this.#folders.volume(source.volume), draft], subject, options)
      if (from.bytes < size) await qemuImg(['resize', '-q', '-f', 'qcow2', draft, String(size)], subject, options)
    }
  }

  /** Let the file appear under its name, on disk before it is in any answer. */
  async #settle(draft: string, path: string): Promise<void> {
    await chmod(draft, 0o600)
    await sync(draft)
    await rename(draft, path)
    await sync(this.#folders.volumes)
  }

  async #checkImage(id: VolumeId, image: string, size: number): Promise<void> {
    const path = this.#folders.image(image)
    const header = (await stat(path).catch(onlyMissing)) && (await readQcow2Header(path))
    if (!header) throw new DriverError('NotFound', `image ${image} is not on this host`)
    if (header.bytes > size) throw tooSmall(id, size, `image ${image}`, header.bytes)
  }

  async #header(id: VolumeId, path: string): Promise<{ bytes: number; image?: string }> {
    const header = await readQcow2Header(path)
    if (!header || header.corrupt || header.externalData)
      throw new DriverError('Corrupt', `the file of volume ${id} is damaged; restore it from a backup`)
    const image = header.backingFile === undefined ? undefined : imageOfBackingName(header.backingFile, id)
    return { bytes: header.bytes, image }
  }

  async #existing(id: VolumeId): Promise<VolumeInfo> {
    const info = await this.inspect(id)
    if (!info) throw new DriverError('NotFound', `there is no volume ${id} on this host`)
    return info
  }

  /** Volumes are thin: what counts is that a full one could exist at all, and that there is room for what is written now. */
  async #refuseWhatCannotFit(subject: string, size: number, now = 0): Promise<void> {
    const { totalBytes, freeBytes } = await this.room()
    if (size > totalBytes)
      throw new DriverError(
        'NoSpace',
        `${subject} of ${gib(size)} GiB is larger than this host's disk of ${gib(totalBytes)} GiB`,
      )
    if (freeBytes < now + reserveBytes)
      throw new DriverError(
        'NoSpace',
        `${subject} needs ${gib(now + reserveBytes)} GiB free, there are ${gib(freeBytes)}: delete volumes or images on this host`,
      )
  }
}

/** A second create must mean the same volume. */
function agree(id: VolumeId, existing: VolumeInfo, source: VolumeSource, size: number): void {
  if (existing.bytes < size)
    throw new DriverError('Conflict', `volume ${id} exists with ${existing.bytes} bytes, asked were ${size}`)
  if (source.kind === 'image' && existing.image !== source.image)
    throw new DriverError('Conflict', `volume ${id} exists, but is not based on image ${source.image}`)
}

function tooSmall(id: VolumeId, size: number, what: string, needed: number): DriverError {
  return new DriverError('TooSmall', `volume ${id} of ${size} bytes is smaller than ${what}, which needs ${needed}`)
}

function wholeSectors(bytes: number, id: VolumeId): number {
  if (!Number.isSafeInteger(bytes) || bytes <= 0)
    throw new DriverError('Invalid', `volume ${id}: ${bytes} is no size in bytes`)
  return Math.ceil(bytes / sectorBytes) * sectorBytes
}

function onlyMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}

async function sync(path: string): Promise<void> {
  await using file = await open(path, 'r')
  await file.sync()
}

const gib = (bytes: number) => (bytes / 1024 ** 3).toFixed(bytes < 1024 ** 3 ? 2 : 1)
