import type { Ask } from './guest-agent.ts'
import { credentialsDigest, pushCredentials, type GuestCredentials } from './guest-credentials.ts'

/** Keeps the credentials in a guest as its machine's Secrets have them, for as long as its agent answers. */
export class CredentialSync {
  readonly #ask: <T>(talk: (ask: Ask) => Promise<T>) => Promise<T>
  readonly #changed: () => void
  #read: (() => Promise<GuestCredentials>) | undefined
  #pushed: string | undefined
  #failure: string | undefined
  #tried = false

  /** @param changed called when {@link state} gives something new */
  constructor(ask: <T>(talk: (ask: Ask) => Promise<T>) => Promise<T>, changed: () => void) {
    this.#ask = ask
    this.#changed = changed
  }

  /** Whether the guest has them; undefined when there are none, or before it was tried. */
  get state(): { synchronized: boolean; message: string } | undefined {
    if (!this.#read || !this.#tried) return undefined
    return { synchronized: this.#failure === undefined, message: this.#failure ?? '' }
  }

  /** @param read gives the credentials as they are now; undefined when there are none to give */
  want(read: (() => Promise<GuestCredentials>) | undefined): void {
    this.#read = read
  }

  /** The guest was started anew: it may have lost what it was given. */
  forget(): void {
    this.#pushed = undefined
  }

  /** Read, and give what the guest has not got. Called while its agent answers. */
  async look(): Promise<void> {
    if (!this.#read) return
    const before = this.state
    try {
      const credentials = await this.#read()
      const digest = credentialsDigest(credentials)
      if (digest !== this.#pushed) await this.#ask((ask) => pushCredentials(ask, credentials))
      this.#pushed = digest
      this.#failure = undefined
    } catch (error) {
      this.#failure = (error as Error).message
    }
    this.#tried = true
    const { state } = this
    if (before?.synchronized !== state?.synchronized || before?.message !== state?.message) this.#changed()
  }
}
