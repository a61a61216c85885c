import type { ApiError } from '@thresher/api/error'

/** How the server is reached: well, not at all, or without a session that is good. */
export type Reach = 'online' | 'offline' | 'signed-out'

/** Keeps {@link Reach} from what requests and watches meet. */
export class Reachability {
  readonly #listeners = new Set<() => void>()
  #reach: Reach = 'online'

  readonly snapshot = (): Reach => this.#reach

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The server has answered. */
  answered(): void {
    if (this.#reach === 'offline') this.#set('online')
  }

  failed(error: ApiError): void {
    const ended = error.reason === 'Unauthorized' || error.message === 'the session has ended'
    const away = error.reason === 'ServiceUnavailable' || error.reason === 'Timeout'
    if (ended) this.#set('signed-out')
    else if (away && this.#reach === 'online') this.#set('offline')
  }

  signedIn(): void {
    this.#set('online')
  }

  #set(reach: Reach): void {
    if (reach === this.#reach) return
    this.#reach = reach
    for (const listener of this.#listeners) listener()
  }
}
