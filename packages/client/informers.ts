import type { TypedKind } from '@thresher/api/kind'
import type { KubeObject } from '@thresher/api/meta'
import type { Client } from './client.ts'
import { Informer } from './informer.ts'
import type { KindAddress } from './paths.ts'

interface Entry {
  informer: Informer<KubeObject>
  /** Set once it runs; stops it. */
  stop?: AbortController
}

/** One informer for each kind, shared by all who ask. */
export class Informers {
  readonly #client: Client
  readonly #signal: AbortSignal
  readonly #onError: ((kind: KindAddress, error: unknown) => void) | undefined
  readonly #informers = new Map<string, Entry>()

  constructor(client: Client, signal: AbortSignal, onError?: (kind: KindAddress, error: unknown) => void) {
    this.#client = client
    this.#signal = signal
    this.#onError = onError
  }

  /** The informer of a kind, not started by this. */
  of<O extends KubeObject>(kind: TypedKind<O> | KindAddress): Informer<O> {
    const id = idOf(kind)
    let entry = this.#informers.get(id)
    if (!entry) {
      const onError = (error: unknown): void => this.#onError?.(kind, error)
      entry = { informer: new Informer(this.#client.resource<KubeObject>(kind as KindAddress), { onError }) }
      this.#informers.set(id, entry)
    }
    // The map is keyed by kind, and a kind has one object type.
    return entry.informer as unknown as Informer<O>
  }

  /** The informer of a kind by what objects are called that refer to it, if someone has asked for it. */
  named(apiVersion: string, kind: string): Informer<KubeObject> | undefined {
    for (const { informer } of this.#informers.values())
      if (informer.kind.apiVersion === apiVersion && informer.kind.kind === kind) return informer
    return undefined
  }

  /** Whether someone has asked for a kind's informer. */
  has(kind: KindAddress): boolean {
    return this.#informers.has(idOf(kind))
  }

  /** Start the informer of one kind, should it not run yet, and wait for its first list. */
  async startOne(kind: KindAddress): Promise<void> {
    this.of(kind)
    const entry = this.#informers.get(idOf(kind))
    if (entry) await this.#run(entry)
  }

  /** Start those not yet running, and wait until all have their first list. */
  async start(): Promise<void> {
    await Promise.all([...this.#informers.values()].map((entry) => this.#run(entry)))
  }

  /** Stop and drop the informer of a kind that is no longer served. */
  forget(kind: KindAddress): void {
    this.#informers.get(idOf(kind))?.stop?.abort(new Error(`${kind.plural} are no longer served`))
    this.#informers.delete(idOf(kind))
  }

  #run(entry: Entry): Promise<void> {
    if (!entry.stop) {
      entry.stop = new AbortController()
      void entry.informer.run(AbortSignal.any([this.#signal, entry.stop.signal]))
    }
    return entry.informer.synced
  }
}

function idOf(kind: KindAddress): string {
  return `${kind.group}/${kind.version}/${kind.plural}`
}
