import { randomBytes } from 'node:crypto'
import { link, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { localDriver } from '@thresher/api/names'
import { qemuUses } from './file-locks.ts'
import type { LayerFiles } from './layer-files.ts'
import { planLayers, type LayerStep, type LayerWorld } from './layer-graph.ts'
import { backingName, layerOf, parseLayer, type LayerId } from './layer-id.ts'
import type { OpenVolumes } from './open-volumes.ts'
import type { Publications } from './publications.ts'
import { qemuImg } from './qemu-img.ts'
import { syncFile } from './settle-file.ts'
import type { SnapshotRecords } from './snapshot-records.ts'
import { DriverError, isDriverError, type VolumeId } from './volume-driver.ts'
import type { VolumeAccess } from './volume-access.ts'
import type { VolumeLocks } from './volume-locks.ts'

/** What the files of volumes are tidied by. */
export interface ChainWorld {
  files: LayerFiles
  records: SnapshotRecords
  published: Publications
  owners: VolumeAccess
  locks: VolumeLocks
  /** Layers that are being read. */
  pinned: ReadonlyMap<LayerId, number>
}

/**
 * Removes files that nothing needs, and merges those that no snapshot and no second volume needs apart.
 *
 * A merge copies the upper file's data into the lower one, while the upper one covers it, so the chain reads the same at any time; then
 * the lower file takes the upper one's name, in one rename. Cut off anywhere, it is simply begun anew.
 */
export class ChainShortener {
  readonly #world: ChainWorld

  constructor(world: ChainWorld) {
    this.#world = world
  }

  /** Do what can be done. @returns whether something is left for later */
  async run(open: OpenVolumes, signal?: AbortSignal): Promise<boolean> {
    const failed = new Set<LayerId>()
    const errors: unknown[] = []
    for (;;) {
      signal?.throwIfAborted()
      const steps = await this.#plan()
      const step = steps.find((one) => !failed.has(keyOf(one)))
      // What cannot be done keeps nothing else from being done.
      if (!step && errors.length > 0) throw errors[0]
      if (!step) return steps.length > 0 || (await this.#waits())
      try {
        if (!(await this.#take(step, open, signal))) failed.add(keyOf(step))
      } catch (error) {
        failed.add(keyOf(step))
        errors.push(error)
      }
    }
  }

  async #plan(): Promise<LayerStep[]> {
    const world = await this.#look()
    return world ? planLayers(world) : []
  }

  /** Whether guests that run keep files from going. */
  async #waits(): Promise<boolean> {
    const world = await this.#look()
    if (!world) return false
    const free = {
      ...world,
      published: new Set<string>(),
      layers: world.layers.map((one) => ({ ...one, open: false, written: false })),
    }
    return planLayers(free).length > 0
  }

  /** @returns undefined when something there cannot be read, for then nothing is known to be needless */
  async #look(): Promise<LayerWorld | undefined> {
    const { files, records, published, pinned } = this.#world
    const [{ generations, deleted }, { layers, unreadable }, snapshots] = await Promise.all([
      files.index(),
      files.all(),
      records.all(),
    ])
    const found = [...snapshots.values()]
    if (unreadable.length > 0 || found.some((one) => one.found === 'unreadable')) return undefined
    const uses = await qemuUses(layers.map(({ path }) => path)).catch(() => undefined)
    if (!uses) return undefined
    return {
      layers: layers.map((layer) => ({ ...layer, ...uses.get(layer.path)! })),
      heads: new Map(
        [...generations].flatMap(([volume, numbers]) =>
          deleted.has(volume) ? [] : [[volume, layerOf(volume, numbers.at(-1)!)] as const],
        ),
      ),
      snapshots: new Set(found.flatMap((one) => (one.found === 'record' ? [one.record.layer] : []))),
      pinned: new Set(pinned.keys()),
      published: new Set(published.ids()),
    }
  }

  /** @returns false when it could not be done now */
  async #take(step: LayerStep, open: OpenVolumes, signal?: AbortSignal): Promise<boolean> {
    return this.#world.locks.runYielding(step.volumes, async (yielded) => {
      // What was planned without the locks may have changed.
      if (!(await this.#plan()).some((one) => same(one, step))) return true
      try {
        if (step.do === 'drop') await this.#drop(step.layer)
        else await this.#merge(step, open, signal ? AbortSignal.any([signal, yielded]) : yielded)
        return true
      } catch (error) {
        if (yielded.aborted || isDriverError(error, 'InUse', 'NoSpace')) return false
        throw error
      }
    })
  }

  async #drop(layer: LayerId): Promise<void> {
    const { files } = this.#world
    await files.remove(layer)
    await this.#forgetIfLast(layer)
  }

  async #merge(step: Extract<LayerStep, { do: 'merge' }>, open: OpenVolumes, signal: AbortSignal): Promise<void> {
    const { files } = this.#world
    const { folders } = files
    const [top, base] = [folders.layer(step.top), folders.layer(step.base)]
    if (step.guest !== undefined) {
      await this.#mergeInGuest(step.guest, step, open, signal)
    } else {
      await qemuImg(['commit', '-q', '-f', 'qcow2', '-d', top], `volume ${step.top}`, { signal })
      await syncFile(base)
      await rename(base, top)
    }
    await syncFile(folders.volumes)
    await this.#forgetIfLast(step.base)
  }

  /** Let the guest's QEMU copy the data; then both names mean the file that has them all. */
  async #mergeInGuest(
    guest: VolumeId,
    { top, base }: { top: LayerId; base: LayerId },
    open: OpenVolumes,
    signal: AbortSignal,
  ): Promise<void> {
    const { files, owners } = this.#world
    const { folders } = files
    const paths = { top: folders.layer(top), base: folders.layer(base) }
    const { layers } = await files.chain((await files.head(guest)) ?? guest)
    const above = layers[layers.findIndex(({ id }) => id === top) - 1]
    // QEMU opens both for writing by their names: the one for the data, the other to say what it stands on now.
    await owners.giveAs([paths.base, ...(above && above !== layers[0] ? [above.path] : [])], layers[0].path)
    const volume = { driver: localDriver, handle: guest }
    if (!(await open.mergeLayers({ volume, ...paths, backingName: backingName({ layer: top }) }, signal)))
      throw new DriverError('InUse', `volume ${guest} is open in a process that is no guest`)
    await owners.readOnly([paths.base, ...(above && above !== layers[0] ? [above.path] : [])])
    await syncFile(paths.base)
    // QEMU knows the file by its old name, and may open it again by that.
    const draft = join(folders.volumes, `.new-${randomBytes(6).toString('hex')}`)
    await link(paths.base, draft)
    await rename(draft, paths.top).catch(async (error: unknown) => {
      await rm(draft, { force: true })
      throw error
    })
  }

  /** A deleted volume is remembered for as long as others stand on its files. */
  async #forgetIfLast(layer: LayerId): Promise<void> {
    const { files } = this.#world
    const { volume } = parseLayer(layer)!
    const { generations, deleted } = await files.index()
    if (deleted.has(volume) && !generations.has(volume)) await files.forget(volume)
  }
}

function keyOf(step: LayerStep): LayerId {
  return step.do === 'drop' ? step.layer : step.base
}

function same(a: LayerStep, b: LayerStep): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
