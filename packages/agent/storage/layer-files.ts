import { randomBytes } from 'node:crypto'
import { chmod, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { backingName, layerOf, parseBacking, parseLayer, type Backing, type LayerId } from './layer-id.ts'
import { readQcow2Header } from './qcow2-header.ts'
import { qemuImg } from './qemu-img.ts'
import { settleFile, syncFile } from './settle-file.ts'
import type { StorageFolders } from './storage-folders.ts'
import { DriverError, type VolumeId } from './volume-driver.ts'

/** One layer as its file says it is. */
export interface Layer {
  id: LayerId
  volume: VolumeId
  generation: number
  path: string
  /** The size a guest sees. */
  bytes: number
  backing?: Backing
  allocatedBytes: number
  /** Names of one file share it. */
  inode: number
}

/** A layer and all it stands on, the topmost first. */
export interface LayerChain {
  layers: [Layer, ...Layer[]]
  image?: string
}

/** Large clusters with small parts: little metadata, yet a small write to a shared cluster copies only 4 KiB. */
const layout = 'extended_l2=on,cluster_size=128k'
/** More files than any guest should read through. */
const longestChain = 256
const temporary = '.new-'

/**
 * The files of volumes. What their headers and names say is the only record: a header names the file below, and of a volume's files
 * the one with the highest number is written. A file appears under its name by a rename, when it is whole.
 */
export class LayerFiles {
  readonly folders: StorageFolders

  constructor(folders: StorageFolders) {
    this.folders = folders
  }

  /** Remove what interrupted calls left. @returns their names */
  async sweep(): Promise<string[]> {
    const drafts = (await readdir(this.folders.volumes)).filter((name) => name.startsWith(temporary))
    for (const name of drafts) await rm(join(this.folders.volumes, name), { force: true })
    return drafts
  }

  /** The numbers of all files of all volumes, ascending, and which volumes are deleted. */
  async index(): Promise<{ generations: Map<VolumeId, number[]>; deleted: Set<VolumeId> }> {
    const generations = new Map<VolumeId, number[]>()
    const deleted = new Set<VolumeId>()
    for (const name of await readdir(this.folders.volumes)) {
      const [, id = '', ending] = /^([^/]+)\.(qcow2|deleted)$/.exec(name) ?? []
      const parsed = parseLayer(id)
      if (!parsed) continue
      if (ending === 'deleted') deleted.add(id)
      else generations.set(parsed.volume, [...(generations.get(parsed.volume) ?? []), parsed.generation])
    }
    for (const numbers of generations.values()) numbers.sort((a, b) => a - b)
    return { generations, deleted }
  }

  /** The numbers of a volume's files, ascending; none for a volume that is deleted, though others may stand on its files. */
  async generations(volume: VolumeId): Promise<number[]> {
    // Refuses what is no name.
    this.folders.volume(volume)
    const { generations, deleted } = await this.index()
    return deleted.has(volume) ? [] : (generations.get(volume) ?? [])
  }

  /** Whether a volume is deleted while files of its own are still needed. */
  async isDeleted(volume: VolumeId): Promise<boolean> {
    return (await this.index()).deleted.has(volume)
  }

  /** The file in which a volume is written. */
  async head(volume: VolumeId): Promise<LayerId | undefined> {
    const highest = (await this.generations(volume)).at(-1)
    return highest === undefined ? undefined : layerOf(volume, highest)
  }

  /** @returns undefined when there is no such file. @throws {DriverError} `Corrupt` */
  async read(id: LayerId): Promise<Layer | undefined> {
    const path = this.folders.layer(id)
    const file = await stat(path).catch(onlyMissing)
    if (!file) return undefined
    const header = await readQcow2Header(path)
    if (!header || header.corrupt || header.externalData)
      throw new DriverError('Corrupt', `the file of volume ${id} is damaged; restore it from a backup`)
    return {
      id,
      ...parseLayer(id)!,
      path,
      bytes: header.bytes,
      backing: header.backingFile === undefined ? undefined : parseBacking(header.backingFile, id),
      allocatedBytes: file.blocks * 512,
      inode: file.ino,
    }
  }

  /** @throws {DriverError} `NotFound` when a file is missing, `Corrupt` */
  async chain(head: LayerId): Promise<LayerChain> {
    const layers: Layer[] = []
    for (let id = head; ;) {
      const layer = await this.read(id)
      if (!layer) {
        const message =
          layers.length === 0
            ? `there is no volume ${head} on this host`
            : `volume ${head} needs ${id}, whose file is missing on this host`
        throw new DriverError('NotFound', message)
      }
      layers.push(layer)
      if (layers.length > longestChain)
        throw new DriverError(
          'Corrupt',
          `volume ${head} stands on more than ${longestChain} files; restore it from a backup`,
        )
      const { backing } = layer
      if (!backing || 'image' in backing)
        return { layers: layers as [Layer, ...Layer[]], ...(backing ? { image: backing.image } : {}) }
      id = backing.layer
    }
  }

  /** Every layer of this host; those that cannot be read are left out, and named. */
  async all(): Promise<{ layers: Layer[]; unreadable: string[] }> {
    const { generations } = await this.index()
    const ids = [...generations].flatMap(([volume, numbers]) => numbers.map((number) => layerOf(volume, number)))
    const read = await Promise.allSettled(ids.map((id) => this.read(id)))
    const layers = read.flatMap((one) => (one.status === 'fulfilled' && one.value ? [one.value] : []))
    return { layers, unreadable: ids.filter((_, at) => read[at]!.status === 'rejected') }
  }

  /**
   * Make an empty layer, on what it shall stand on.
   *
   * @param ready called with the file's path before it has its name
   */
  async create(
    id: LayerId,
    backing: Backing | undefined,
    bytes: number,
    options: { signal?: AbortSignal; ready?: (draft: string) => Promise<void> } = {},
  ): Promise<void> {
    const { signal, ready } = options
    const draft = join(this.folders.volumes, `${temporary}${randomBytes(6).toString('hex')}`)
    const on = backing ? ['-b', backingName(backing), '-F', 'qcow2'] : []
    try {
      await qemuImg(['create', '-q', '-f', 'qcow2', '-o', layout, ...on, draft, String(bytes)], `volume ${id}`, {
        cwd: this.folders.volumes,
        signal,
      })
      await chmod(draft, 0o600)
      await ready?.(draft)
      await settleFile(draft, this.folders.layer(id))
    } catch (error) {
      await rm(draft, { force: true })
      throw error
    }
  }

  async remove(id: LayerId): Promise<void> {
    await rm(this.folders.layer(id), { force: true })
    await syncFile(this.folders.volumes)
  }

  /** Write down that a volume is deleted though files of its own stay. */
  async bury(volume: VolumeId): Promise<void> {
    const path = this.folders.tombstone(volume)
    await writeFile(path, '')
    await syncFile(path)
    await syncFile(this.folders.volumes)
  }

  /** The last file of a deleted volume is gone. */
  async forget(volume: VolumeId): Promise<void> {
    await rm(this.folders.tombstone(volume), { force: true })
  }
}

function onlyMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}
