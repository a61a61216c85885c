import { localDriver } from '@thresher/api/names'
import { layerNodes, type FileAccess } from './block-node.ts'
import { isEmptyLayer } from './empty-layer.ts'
import { qemuUse, qemuUses } from './file-locks.ts'
import type { LayerFiles } from './layer-files.ts'
import { layerOf, type LayerId } from './layer-id.ts'
import { SwitchUnknownError, type LayerSwitch, type OpenVolumes } from './open-volumes.ts'
import type { Publications } from './publications.ts'
import type { VolumeAccess } from './volume-access.ts'
import { DriverError, type VolumeId } from './volume-driver.ts'

/** Reads go through every file of a chain that has not what they want; QEMU also keeps a table of each in memory. */
const mostLayers = 128

/** A volume whose content is to stay as it is from now on. */
interface Freezing {
  volume: VolumeId
  /** Holds the content. */
  frozen: LayerId
  /** Takes what is written from now on; undefined when nothing was written since the last time. */
  next?: LayerId
  /** The file that a guest writes, which must be told of the next one. */
  writtenBy?: LayerSwitch
}

/**
 * Lets volumes be written in new files, so that the old ones hold what was in them.
 *
 * The new file is there, whole, before a guest is told of it. Should everything end between the two, the volume reads the same
 * through the new file, which is empty, as through the old one; so nothing has to be taken back. A file that no guest took up goes with
 * the next tidying.
 */
export class LayerFreezer {
  readonly #files: LayerFiles
  readonly #published: Publications
  readonly #owners: VolumeAccess
  readonly #access: () => FileAccess

  constructor(files: LayerFiles, published: Publications, owners: VolumeAccess, access: () => FileAccess) {
    this.#files = files
    this.#published = published
    this.#owners = owners
    this.#access = access
  }

  /**
   * The layers that hold these volumes' content as of one moment. Call it with the volumes locked.
   *
   * @throws {DriverError} `NotFound`, `InUse`, `NoSpace`, `CommandFailed`; then every volume is as it was
   */
  async freeze(
    volumes: readonly VolumeId[],
    open: OpenVolumes,
    freezeGuests = false,
  ): Promise<{ layers: Map<VolumeId, LayerId>; frozen: boolean }> {
    const begun: Freezing[] = []
    try {
      for (const volume of volumes) begun.push(await this.#begin(volume))
      const frozen = await this.#switch(begun, open, freezeGuests)
      return { layers: new Map(begun.map((one) => [one.volume, one.frozen])), frozen }
    } catch (error) {
      if (!(error instanceof SwitchUnknownError)) for (const one of begun) await this.#discard(one)
      throw error
    }
  }

  /** Take a new file away that no guest writes. One of several guests may have taken its up. */
  async #discard({ next }: Freezing): Promise<void> {
    if (next !== undefined && !(await qemuUse(this.#files.folders.layer(next))).open) await this.#files.remove(next)
  }

  async #begin(volume: VolumeId): Promise<Freezing> {
    const generations = await this.#files.generations(volume)
    const head = generations.at(-1)
    if (head === undefined) throw new DriverError('NotFound', `there is no volume ${volume} on this host`)
    const own = generations.map((generation) => layerOf(volume, generation))
    const uses = await qemuUses(own.map((id) => this.#files.folders.layer(id)))
    const written = own.findLast((id) => uses.get(this.#files.folders.layer(id))?.written)
    if (!written && this.#published.hasWriter(volume))
      throw new DriverError('InUse', `volume ${volume} is just being opened by a guest; try again in a moment`)
    const current = await this.#files.read(written ?? layerOf(volume, head))
    if (!current) throw new DriverError('NotFound', `a file of volume ${volume} is missing on this host`)
    const { backing } = current
    if ((await this.#files.chain(current.id)).layers.length >= mostLayers)
      throw new DriverError(
        'Unsupported',
        `volume ${volume} stands on ${mostLayers} files; delete snapshots of it first`,
      )
    if (!written && backing && 'layer' in backing && (await isEmptyLayer(current.path, `volume ${volume}`)))
      if ((await this.#files.read(backing.layer))?.bytes === current.bytes) return { volume, frozen: backing.layer }
    const next = layerOf(volume, head + 1)
    await this.#files.create(next, { layer: current.id }, current.bytes, {
      // Who writes the one may write the other.
      ready: (draft) => (written ? this.#owners.giveAs([draft], current.path) : Promise.resolve()),
    })
    const to = this.#files.folders.layer(next)
    const writtenBy: LayerSwitch | undefined =
      written === undefined
        ? undefined
        : {
            volume: { driver: localDriver, handle: volume },
            from: current.path,
            to: (nodeName) => layerNodes(to, nodeName, null, this.#access(), 'write'),
          }
    return { volume, frozen: current.id, next, ...(writtenBy ? { writtenBy } : {}) }
  }

  /** @returns whether all guests' file systems stood still */
  async #switch(begun: readonly Freezing[], open: OpenVolumes, freezeGuests: boolean): Promise<boolean> {
    const switches = begun.flatMap(({ writtenBy }) => writtenBy ?? [])
    if (switches.length === 0) return true
    const { switched, frozen } = await open.switchLayers(switches, freezeGuests)
    const left = switches.find(({ volume }) => !switched.includes(volume.handle))
    if (left)
      throw new DriverError(
        'InUse',
        `volume ${left.volume.handle} is open, but in no guest that runs and answers; it is taken when its guest does, or has ended`,
      )
    return frozen
  }
}
