import { statfs } from 'node:fs/promises'
import { localDriver } from '@thresher/api/names'
import type { GuestUids } from '../guest-uids.ts'
import { blockNode, type FileAccess } from './block-node.ts'
import { probeFileAccess } from './file-access.ts'
import { qemuUse, qemuUses } from './file-locks.ts'
import { LayerFiles, type LayerChain } from './layer-files.ts'
import { LayerFreezer } from './layer-freezer.ts'
import { layerOf, type Backing, type LayerId } from './layer-id.ts'
import { noOpenVolumes, type OpenVolumes } from './open-volumes.ts'
import { Publications } from './publications.ts'
import { readQcow2Header } from './qcow2-header.ts'
import { qemuImg } from './qemu-img.ts'
import { ChainShortener } from './shorten-chains.ts'
import { SnapshotRecords, type SnapshotRecord } from './snapshot-records.ts'
import type { FileOwner, StorageFolders } from './storage-folders.ts'
import {
  DriverError,
  type BlockNode,
  type FrozenVolume,
  type OpenSnapshot,
  type PublishOptions,
  type Room,
  type SnapshotId,
  type SnapshotInfo,
  type SnapshotRequest,
  type VolumeDriver,
  type VolumeId,
  type VolumeInfo,
  type VolumeSource,
} from './volume-driver.ts'
import { VolumeAccess } from './volume-access.ts'
import { VolumeLocks } from './volume-locks.ts'

/** Where a {@link LocalDriver} keeps its files and who opens them. */
export interface LocalOptions {
  folders: StorageFolders
  /** The numbers of which volumes that several guests share get their groups. */
  guestUids?: GuestUids
}

/** Left free for the host, so that a full disk stops new volumes before it stops everything else. */
const reserveBytes = 256 * 1024 * 1024
const sectorBytes = 4096

/**
 * Volumes as chains of qcow2 files on this host's file system, the lowest on the file of an image or on nothing.
 *
 * A file appears under its name by a rename when it is whole. The headers and the names alone say what a volume is: see
 * {@link LayerFiles}. A snapshot is a record that names a file which nobody writes any more.
 */
export class LocalDriver implements VolumeDriver {
  readonly #folders: StorageFolders
  readonly #files: LayerFiles
  readonly #records: SnapshotRecords
  readonly #owners: VolumeAccess
  readonly #published = new Publications()
  readonly #locks = new VolumeLocks()
  /** Layers that are being read, by how many. */
  readonly #pinned = new Map<LayerId, number>()
  readonly #freezer: LayerFreezer
  readonly #shortener: ChainShortener
  #access: FileAccess = { direct: false, aio: 'threads' }
  #open: OpenVolumes = noOpenVolumes

  constructor({ folders, guestUids }: LocalOptions) {
    this.#folders = folders
    this.#files = new LayerFiles(folders)
    this.#owners = new VolumeAccess(guestUids)
    this.#records = new SnapshotRecords(folders)
    this.#freezer = new LayerFreezer(this.#files, this.#published, this.#owners, () => this.#access)
    this.#shortener = new ChainShortener({
      files: this.#files,
      records: this.#records,
      published: this.#published,
      owners: this.#owners,
      locks: this.#locks,
      pinned: this.#pinned,
    })
  }

  serve(open: OpenVolumes): void {
    this.#open = open
  }

  async start(): Promise<string[]> {
    await this.#folders.make()
    this.#access = await probeFileAccess(this.#folders.volumes)
    return [...(await this.#files.sweep()), ...(await this.#records.sweep())]
  }

  async create(id: VolumeId, source: VolumeSource, bytes: number, signal?: AbortSignal): Promise<void> {
    const size = wholeSectors(bytes, id)
    const from = await this.#sourceVolume(source)
    await this.#locks.run(from === undefined ? [id] : [id, from], async () => {
      const chain = await this.#chain(id)
      if (chain) return this.#agree(id, chain, source, size)
      if (await this.#files.isDeleted(id))
        throw new DriverError(
          'Conflict',
          `volume ${id} was deleted, and others still stand on its files; use another name`,
        )
      await this.#refuseWhatCannotFit(`volume ${id}`, size)
      const ready = source.kind === 'content' ? source.fill : undefined
      await this.#files.create(id, await this.#backingOf(id, source, size), size, { signal, ready })
    })
  }

  async grow(id: VolumeId, bytes: number, signal?: AbortSignal): Promise<void> {
    const size = wholeSectors(bytes, id)
    await this.#locks.run([id], async () => {
      const now = await this.#existing(id)
      if (now.bytes >= size) return
      await this.#refuseWhatCannotFit(`volume ${id}`, size)
      if (!now.inUse) {
        const head = (await this.#files.head(id)) ?? id
        await qemuImg(['resize', '-q', '-f', 'qcow2', this.#folders.layer(head), String(size)], `volume ${id}`, {
          signal,
        })
      } else if (!(await this.#open.resize({ driver: localDriver, handle: id }, size, signal)))
        throw new DriverError(
          'InUse',
          `volume ${id} is open, but in no guest that runs and could be told of its new size`,
        )
    })
  }

  delete(id: VolumeId): Promise<void> {
    return this.#locks.run([id], async () => {
      const generations = await this.#files.generations(id)
      const head = generations.at(-1)
      if (head === undefined) return
      if (await this.#isInUse(id, generations))
        throw new DriverError('InUse', `volume ${id} is open in a running guest; stop it first`)
      // Before its last file goes: else the one below would pass for the volume.
      if (generations.length > 1) await this.#files.bury(id)
      await this.#files.remove(layerOf(id, head))
    })
  }

  async inspect(id: VolumeId): Promise<VolumeInfo | undefined> {
    const chain = await this.#chain(id)
    if (!chain) return undefined
    const { layers, image } = chain
    const own = new Map(layers.filter((layer) => layer.volume === id).map((layer) => [layer.inode, layer]))
    return {
      bytes: layers[0].bytes,
      allocatedBytes: [...own.values()].reduce((sum, { allocatedBytes }) => sum + allocatedBytes, 0),
      image,
      inUse: await this.#isInUse(id, await this.#files.generations(id)),
    }
  }

  publish(id: VolumeId, options: PublishOptions = {}): Promise<BlockNode> {
    return this.#locks.run([id], async () => {
      const chain = await this.#chain(id)
      if (!chain) throw new DriverError('NotFound', `there is no volume ${id} on this host`)
      const { layers, image } = chain
      const imageFile = image === undefined ? undefined : this.#folders.image(image)
      if (imageFile !== undefined && !(await readQcow2Header(imageFile).catch(() => undefined)))
        throw new DriverError('NotFound', `volume ${id} needs image ${image}, whose file is missing on this host`)
      const [head, ...below] = layers
      const paths: [string, ...string[]] = [head.path, ...below.map(({ path }) => path)]
      const node = blockNode({ id, bytes: head.bytes, layers: paths, image: imageFile }, this.#access, options)
      const { user, readOnly = false, running = false } = options
      this.#published.add(id, user, { readOnly, paths })
      if (!user) return node
      try {
        const groups = await this.#owners.give(head.path, user, options)
        return { ...node, groups: [...groups, ...(await this.#owners.giveToRead(paths.slice(1), user, running))] }
      } catch (error) {
        await this.unpublish(id, user)
        throw error
      }
    })
  }

  async unpublish(id: VolumeId, user?: FileOwner): Promise<void> {
    if (!this.#published.remove(id, user)) return
    const chain = await this.#chain(id).catch(() => undefined)
    for (const { path } of chain?.layers ?? []) await this.#takeBack(path)
  }

  async reclaim(): Promise<VolumeId[]> {
    const { layers } = await this.#files.all()
    const back = new Set<VolumeId>()
    for (const { path, volume } of layers) if (await this.#takeBack(path)) back.add(volume)
    return [...back]
  }

  /** A file that another guest, of an earlier agent, has open stays that guest's; its own end takes it back. */
  async #takeBack(path: string): Promise<boolean> {
    try {
      if (!(await this.#owners.isGiven(path)) || this.#published.paths().has(path)) return false
      if ((await qemuUse(path)).open) return false
      return await this.#owners.takeBack(path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
      throw error
    }
  }

  async snapshot(wanted: readonly SnapshotRequest[], { freeze = false } = {}): Promise<{ frozen: boolean }> {
    const volumes = [...new Set(wanted.map(({ volume }) => volume))].toSorted()
    return this.#locks.run(volumes, async () => {
      const missing: SnapshotRequest[] = []
      for (const request of wanted) {
        const record = await this.#record(request.snapshot)
        if (!record) missing.push(request)
        else if (record.volume !== request.volume)
          throw new DriverError('Conflict', `snapshot ${request.snapshot} exists, of volume ${record.volume}`)
      }
      if (missing.length === 0) return { frozen: false }
      const { layers, frozen } = await this.#freezer.freeze(
        [...new Set(missing.map(({ volume }) => volume))],
        this.#open,
        freeze,
      )
      const createdAt = new Date().toISOString()
      for (const { snapshot, volume } of missing)
        await this.#records.write(snapshot, { version: 1, volume, layer: layers.get(volume)!, createdAt })
      return { frozen }
    })
  }

  async deleteSnapshot(id: SnapshotId): Promise<void> {
    const record = await this.#record(id)
    if (!record) return
    await this.#locks.run([record.volume], () => this.#records.remove(id))
  }

  async inspectSnapshot(id: SnapshotId): Promise<SnapshotInfo | undefined> {
    const record = await this.#record(id)
    if (!record) return undefined
    const layer = await this.#files.read(record.layer)
    if (!layer)
      throw new DriverError('Corrupt', `the file of snapshot ${id} is missing on this host; restore it from a backup`)
    return { volume: record.volume, bytes: layer.bytes, createdAt: record.createdAt }
  }

  listSnapshots(): Promise<SnapshotId[]> {
    return this.#records.list()
  }

  async freeze(id: VolumeId): Promise<FrozenVolume> {
    return this.#locks.run([id], async () => {
      const { layers } = await this.#freezer.freeze([id], this.#open)
      const layer = layers.get(id)!
      const chain = await this.#files.chain(layer)
      return {
        path: chain.layers[0].path,
        bytes: chain.layers[0].bytes,
        allocatedBytes: chain.layers.reduce((sum, { allocatedBytes }) => sum + allocatedBytes, 0),
        [Symbol.asyncDispose]: this.#pin(layer),
      }
    })
  }

  async openSnapshot(id: SnapshotId, { since }: { since?: SnapshotId } = {}): Promise<OpenSnapshot> {
    const { volume, layer } = await this.#snapshotOf(id)
    const before = since === undefined ? undefined : await this.#record(since)
    return this.#locks.run([volume], async () => {
      const { layers, image } = await this.#files.chain(layer)
      const unpin = this.#pin(layer)
      try {
        const paths: [string, ...string[]] = [layers[0].path, ...layers.slice(1).map(({ path }) => path)]
        const imageFile = image === undefined ? undefined : this.#folders.image(image)
        const { bytes } = layers[0]
        const node = blockNode({ id, bytes, layers: paths, image: imageFile }, this.#access, { readOnly: true })
        const newer = layers.findIndex((one) => one.id === before?.layer)
        return {
          node: { ...node, groups: await this.#owners.letRead(paths) },
          ...(newer < 0 ? {} : { newer }),
          [Symbol.asyncDispose]: async () => {
            await unpin()
            for (const path of paths) await this.#takeBack(path)
          },
        }
      } catch (error) {
        await unpin()
        throw error
      }
    })
  }

  /** Keep a layer with all below it as it is, until what this returns is called. */
  #pin(layer: LayerId): () => Promise<void> {
    this.#pinned.set(layer, (this.#pinned.get(layer) ?? 0) + 1)
    return () => {
      const left = (this.#pinned.get(layer) ?? 1) - 1
      if (left > 0) this.#pinned.set(layer, left)
      else this.#pinned.delete(layer)
      return Promise.resolve()
    }
  }

  tidy(signal?: AbortSignal): Promise<boolean> {
    return this.#shortener.run(this.#open, signal)
  }

  async allocations(): Promise<Map<VolumeId, number>> {
    const { layers } = await this.#files.all()
    const inodes = new Map(layers.map((layer) => [layer.inode, layer]))
    const allocations = new Map<VolumeId, number>()
    for (const { volume, allocatedBytes } of inodes.values())
      allocations.set(volume, (allocations.get(volume) ?? 0) + allocatedBytes)
    return allocations
  }

  async sizes(): Promise<Map<VolumeId, number>> {
    const { generations, deleted } = await this.#files.index()
    const sizes = new Map<VolumeId, number>()
    for (const [id, numbers] of generations) {
      if (deleted.has(id)) continue
      const header = await readQcow2Header(this.#folders.layer(layerOf(id, numbers.at(-1)!))).catch(() => undefined)
      if (header) sizes.set(id, header.bytes)
    }
    return sizes
  }

  async list(): Promise<VolumeId[]> {
    const { generations, deleted } = await this.#files.index()
    return [...generations.keys()].filter((id) => !deleted.has(id))
  }

  async room(): Promise<Room> {
    const { blocks, bavail, bsize } = await statfs(this.#folders.volumes)
    return { totalBytes: blocks * bsize, freeBytes: bavail * bsize }
  }

  /** The volume whose files a new one will stand on. */
  async #sourceVolume(source: VolumeSource): Promise<VolumeId | undefined> {
    if (source.kind === 'volume') return source.volume
    if (source.kind !== 'snapshot') return undefined
    return (await this.#snapshotOf(source.snapshot)).volume
  }

  /** What a new volume stands on. @throws {DriverError} `NotFound`, `TooSmall` */
  async #backingOf(id: VolumeId, source: VolumeSource, size: number): Promise<Backing | undefined> {
    switch (source.kind) {
      case 'empty':
      case 'content':
        return undefined
      case 'image': {
        const header = await readQcow2Header(this.#folders.image(source.image)).catch(() => undefined)
        if (!header) throw new DriverError('NotFound', `image ${source.image} is not on this host`)
        return fits(id, size, `image ${source.image}`, header.bytes, { image: source.image })
      }
      case 'volume': {
        const { bytes } = await this.#existing(source.volume)
        fits(id, size, `volume ${source.volume}`, bytes)
        const { layers } = await this.#freezer.freeze([source.volume], this.#open)
        return { layer: layers.get(source.volume)! }
      }
      case 'snapshot': {
        const { layer } = await this.#snapshotOf(source.snapshot)
        const { bytes } = (await this.#files.chain(layer)).layers[0]
        return fits(id, size, `snapshot ${source.snapshot}`, bytes, { layer })
      }
    }
  }

  async #snapshotOf(id: SnapshotId): Promise<SnapshotRecord> {
    const record = await this.#record(id)
    if (!record) throw new DriverError('NotFound', `there is no snapshot ${id} on this host`)
    return record
  }

  async #record(id: SnapshotId): Promise<SnapshotRecord | undefined> {
    const found = await this.#records.read(id)
    if (found.found === 'unreadable')
      throw new DriverError(
        'Corrupt',
        `what is recorded of snapshot ${id} cannot be read: ${found.why}; its file is left alone`,
      )
    return found.found === 'record' ? found.record : undefined
  }

  async #chain(id: VolumeId): Promise<LayerChain | undefined> {
    const head = await this.#files.head(id)
    return head === undefined ? undefined : this.#files.chain(head)
  }

  /** A guest writes one of its files, or has the topmost open, or is about to. */
  async #isInUse(id: VolumeId, generations: readonly number[]): Promise<boolean> {
    if (this.#published.has(id)) return true
    const paths = generations.map((generation) => this.#folders.layer(layerOf(id, generation)))
    const uses = await qemuUses(paths)
    return paths.some((path, at) => uses.get(path)?.written || (at === paths.length - 1 && uses.get(path)?.open))
  }

  async #existing(id: VolumeId): Promise<VolumeInfo> {
    const info = await this.inspect(id)
    if (!info) throw new DriverError('NotFound', `there is no volume ${id} on this host`)
    return info
  }

  /** A second create must mean the same volume. */
  async #agree(id: VolumeId, { layers, image }: LayerChain, source: VolumeSource, size: number): Promise<void> {
    const { bytes } = layers[0]
    if (bytes < size) throw new DriverError('Conflict', `volume ${id} exists with ${bytes} bytes, asked were ${size}`)
    if (source.kind === 'image' && image !== source.image)
      throw new DriverError('Conflict', `volume ${id} exists, but is not based on image ${source.image}`)
  }

  /** Volumes are thin: what counts is that a full one could exist at all, and that there is room for what is written now. */
  async #refuseWhatCannotFit(subject: string, size: number): Promise<void> {
    const { totalBytes, freeBytes } = await this.room()
    if (size > totalBytes)
      throw new DriverError(
        'NoSpace',
        `${subject} of ${gib(size)} GiB is larger than this host's disk of ${gib(totalBytes)} GiB`,
      )
    if (freeBytes < reserveBytes)
      throw new DriverError(
        'NoSpace',
        `${subject} needs ${gib(reserveBytes)} GiB free, there are ${gib(freeBytes)}: delete volumes or images on this host`,
      )
  }
}

function fits(id: VolumeId, size: number, what: string, needed: number): undefined
function fits(id: VolumeId, size: number, what: string, needed: number, backing: Backing): Backing
function fits(id: VolumeId, size: number, what: string, needed: number, backing?: Backing): Backing | undefined {
  if (needed <= size) return backing
  throw new DriverError('TooSmall', `volume ${id} of ${size} bytes is smaller than ${what}, which needs ${needed}`)
}

function wholeSectors(bytes: number, id: VolumeId): number {
  if (!Number.isSafeInteger(bytes) || bytes <= 0)
    throw new DriverError('Invalid', `volume ${id}: ${bytes} is no size in bytes`)
  return Math.ceil(bytes / sectorBytes) * sectorBytes
}

const gib = (bytes: number) => (bytes / 1024 ** 3).toFixed(bytes < 1024 ** 3 ? 2 : 1)
