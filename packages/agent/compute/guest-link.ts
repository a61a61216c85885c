import { CredentialSync } from './credential-sync.ts'
import type { Ask } from './guest-agent.ts'
import type { GuestCredentials } from './guest-credentials.ts'
import { GuestPresence } from './guest-presence.ts'
import type { Log } from './host.ts'
import { GuestProbes, type WantedProbes } from './probes/guest-probes.ts'
import type { RunView } from './run-view.ts'

export interface GuestLinkOptions {
  title: string
  /** Talk with the guest's agent. */
  ask: <T>(talk: (ask: Ask) => Promise<T>, timeoutMs?: number) => Promise<T>
  /** Called when {@link GuestLink.view} gives something new. */
  changed: () => void
  /** The guest does not pass its liveness probe; why, as a sentence. */
  notAlive: (message: string) => void
  log: Log
}

/** All that passes between a run and the system in its guest: what its agent says, the credentials it is given, its probes. */
export class GuestLink {
  readonly #presence: GuestPresence
  readonly #credentials: CredentialSync
  readonly #probes: GuestProbes

  constructor({ title, ask, changed, notAlive, log }: GuestLinkOptions) {
    this.#credentials = new CredentialSync(ask, changed)
    this.#presence = new GuestPresence({ title, ask, changed, looked: () => this.#credentials.look(), log })
    this.#probes = new GuestProbes(ask, { notAlive, readinessChanged: changed })
  }

  get view(): Pick<RunView, 'guestAgent' | 'guest' | 'readiness' | 'credentials'> {
    return {
      guestAgent: this.connected,
      guest: this.#presence.facts,
      readiness: this.#probes.readiness,
      credentials: this.#credentials.state,
    }
  }

  /** Whether the guest's agent has its end of the channel open. */
  get connected(): boolean {
    return this.#presence.connected
  }

  /** The agent's end of the channel was opened or closed. */
  set(connected: boolean): void {
    this.#presence.set(connected)
  }

  /**
   * Keep these credentials in the guest. @param read gives them as they are now; undefined when there are none
   * @param isNew whether to look at once
   */
  wantCredentials(read: (() => Promise<GuestCredentials>) | undefined, isNew: boolean): void {
    this.#credentials.want(read)
    if (isNew) this.#presence.lookSoon()
  }

  /** Probe the guest so. @param address at which it is reached, when it has one */
  wantProbes(probes: WantedProbes, address: string | undefined): void {
    this.#probes.want(probes, address)
  }

  /** Probe, or rest. */
  probe(active: boolean): void {
    this.#probes.set(active)
  }

  /** The guest starts anew. */
  restarted(): void {
    this.#credentials.forget()
  }

  stop(): void {
    this.#probes.set(false)
    this.#presence.stop()
  }
}
