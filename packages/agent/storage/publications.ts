import type { FileOwner } from './storage-folders.ts'
import type { VolumeId } from './volume-driver.ts'

/** Stands for whoever opens a volume without being given access to it, such as root. */
const nobody = -1

/** What one user was told to open. */
interface Publication {
  readOnly: boolean
  /** The files. */
  paths: readonly string[]
}

/** Who was told what to open, and has not said yet that it is closed. Lost with this process: what is open shows in the files' locks. */
export class Publications {
  readonly #byVolume = new Map<VolumeId, Map<number, Publication>>()

  add(id: VolumeId, user: FileOwner | undefined, publication: Publication): void {
    const users = this.#byVolume.get(id) ?? new Map<number, Publication>()
    this.#byVolume.set(id, users.set(user?.uid ?? nobody, publication))
  }

  /** @returns whether nobody has it any more */
  remove(id: VolumeId, user: FileOwner | undefined): boolean {
    const users = this.#byVolume.get(id)
    users?.delete(user?.uid ?? nobody)
    if (users && users.size > 0) return false
    this.#byVolume.delete(id)
    return true
  }

  has(id: VolumeId): boolean {
    return this.#byVolume.has(id)
  }

  hasWriter(id: VolumeId): boolean {
    return [...(this.#byVolume.get(id)?.values() ?? [])].some(({ readOnly }) => !readOnly)
  }

  ids(): VolumeId[] {
    return [...this.#byVolume.keys()]
  }

  /** All files that somebody was told to open. */
  paths(): Set<string> {
    return new Set([...this.#byVolume.values()].flatMap((users) => [...users.values()].flatMap(({ paths }) => paths)))
  }
}
