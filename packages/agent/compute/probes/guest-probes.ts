import type { Probe } from '@thresher/api/kubevirt/probe'
import type { ProbedGuest } from './check-guest.ts'
import { GuestProbe } from './guest-probe.ts'

/** The probes of a machine's spec. */
export interface WantedProbes {
  livenessProbe?: Probe
  readinessProbe?: Probe
}

/** Who learns what the probes find out. */
export interface ProbeReports {
  /** The guest does not pass its liveness probe; why, as a sentence. */
  notAlive(message: string): void
  /** {@link GuestProbes.readiness} gives something new. */
  readinessChanged(): void
}

/** The liveness and the readiness probe of a guest. They rest while it is held or does not answer. */
export class GuestProbes {
  readonly #liveness: GuestProbe
  readonly #readiness: GuestProbe
  #wanted: WantedProbes = {}
  #address: string | undefined
  #active = false

  constructor(ask: ProbedGuest['ask'], reports: ProbeReports) {
    const guest: ProbedGuest = { ask, address: () => this.#address }
    this.#liveness = new GuestProbe(guest, () => {
      const { passing = true, message = '' } = this.#liveness.verdict ?? {}
      if (!passing) reports.notAlive(message)
    })
    this.#readiness = new GuestProbe(guest, () => reports.readinessChanged())
  }

  /** @param address at which the guest is reached, when it has one */
  want({ livenessProbe, readinessProbe }: WantedProbes, address: string | undefined): void {
    this.#wanted = { livenessProbe, readinessProbe }
    this.#address = address
    this.#set()
  }

  /** Ask, or rest. */
  set(active: boolean): void {
    if (active === this.#active) return
    this.#active = active
    this.#set()
  }

  /** Whether the guest passes its readiness probe; undefined where it has none. */
  get readiness(): { passing: boolean; message: string } | undefined {
    if (!this.#readiness.asks) return undefined
    return this.#readiness.verdict ?? { passing: false, message: 'the guest has not passed its readiness probe yet' }
  }

  #set(): void {
    this.#liveness.set(this.#active ? this.#wanted.livenessProbe : undefined)
    this.#readiness.set(this.#active ? this.#wanted.readinessProbe : undefined)
  }
}
