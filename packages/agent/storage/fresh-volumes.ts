import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { StorageFolders } from './storage-folders.ts'
import type { VolumeId } from './volume-driver.ts'

const prefix = '.fresh-'

/**
 * Remembers which volumes exist here but may not have reached the API yet, so that a volume whose claim vanished in that
 * moment does not lie here for ever, and no other volume is ever taken for one.
 */
export class FreshVolumes {
  readonly #folder: string

  constructor(folders: StorageFolders) {
    this.#folder = folders.volumes
  }

  async add(id: VolumeId): Promise<void> {
    await writeFile(join(this.#folder, `${prefix}${id}`), '')
  }

  async remove(id: VolumeId): Promise<void> {
    await rm(join(this.#folder, `${prefix}${id}`), { force: true })
  }

  async list(): Promise<VolumeId[]> {
    const names = await readdir(this.#folder)
    return names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length))
  }
}
