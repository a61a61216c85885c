import type { ComputeHost } from './host.ts'

/** How often a guest's full disk is looked at. */
const roomEveryMs = 5000
/** So much must be free before a guest that ran out of room goes on. */
const roomBytes = 128 * 1024 * 1024

/** Looks whether the node's disk has room again, for as long as a guest waits for it. */
export class RoomWatch {
  readonly #storage: Pick<ComputeHost['storage'], 'room'>
  readonly #found: () => void
  #timer: NodeJS.Timeout | undefined

  /** @param found called when there is room */
  constructor(storage: Pick<ComputeHost['storage'], 'room'>, found: () => void) {
    this.#storage = storage
    this.#found = found
  }

  /** Look from now on, or no more. */
  set(waits: boolean): void {
    clearTimeout(this.#timer)
    if (!waits) return
    this.#timer = setTimeout(() => void this.#look(), roomEveryMs)
    this.#timer.unref()
  }

  async #look(): Promise<void> {
    const freeBytes = await this.#storage.room().then(
      (room) => room.freeBytes,
      () => 0,
    )
    if (freeBytes >= roomBytes) this.#found()
    else this.set(true)
  }
}
