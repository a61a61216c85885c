import { isReason } from '@thresher/api/error'
import type { KubeObject } from '@thresher/api/meta'
import type { Client } from '@thresher/client/client'
import { Informer } from '@thresher/client/informer'
import type { KindAddress } from '@thresher/client/paths'

/** What is known of a list now. */
export interface Snapshot<O> {
  objects: readonly O[]
  /** Whether the first list has come. */
  synced: boolean
  /** Why the list cannot be had, while it cannot. */
  error?: unknown
}

/** How a list is narrowed. */
export interface Scope {
  namespace?: string
  fieldSelector?: string
  labelSelector?: string
}

/** Changes within this time are shown together: the eye sees no more, and 50 changes a second cost 10 looks. */
const flushMs = 100
/** How long a list is kept current after its last reader has gone, so that coming back finds it there. */
const lingerMs = 20_000

const nothing: Snapshot<never> = { objects: [], synced: false }

/** A list of objects that is current while someone looks at it. */
export class LiveList<O extends KubeObject> {
  readonly #client: Client
  readonly #kind: KindAddress
  readonly #scope: Scope
  readonly #listeners = new Set<() => void>()
  #snapshot: Snapshot<O> = nothing
  #informer: Informer<O> | undefined
  #stop: AbortController | undefined
  #flush: ReturnType<typeof setTimeout> | undefined
  #linger: ReturnType<typeof setTimeout> | undefined

  constructor(client: Client, kind: KindAddress, scope: Scope) {
    this.#client = client
    this.#kind = kind
    this.#scope = scope
  }

  readonly snapshot = (): Snapshot<O> => this.#snapshot

  /** Be called when {@link snapshot} has changed. Gives the way to stop that. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    clearTimeout(this.#linger)
    if (!this.#stop) this.#start()
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size === 0) this.#linger = setTimeout(() => this.close(), lingerMs)
    }
  }

  /** Take in the answer of one's own write before the watch brings it. */
  observe(object: O): void {
    this.#informer?.observe(object)
  }

  /** Stop, and forget what was known. */
  close(): void {
    clearTimeout(this.#flush)
    this.#flush = undefined
    this.#stop?.abort()
    this.#stop = undefined
    this.#informer = undefined
    this.#snapshot = nothing
  }

  #start(): void {
    const stop = new AbortController()
    const informer = new Informer<O>(this.#client.resource<O>(this.#kind), {
      ...this.#scope,
      onError: (error) => {
        if (isReason(error, 'Forbidden', 'NotFound')) stop.abort()
        this.#show({ ...this.#snapshot, error })
      },
    })
    this.#stop = stop
    this.#informer = informer
    informer.onChange(() => this.#schedule())
    informer.synced.then(
      () => this.#schedule(),
      () => {},
    )
    void informer.run(stop.signal)
  }

  #schedule(): void {
    this.#flush ??= setTimeout(() => {
      this.#flush = undefined
      const informer = this.#informer
      if (informer) this.#show({ objects: informer.list(), synced: informer.hasSynced })
    }, flushMs)
  }

  #show(snapshot: Snapshot<O>): void {
    this.#snapshot = snapshot
    for (const listener of this.#listeners) listener()
  }
}

/** The lists that are looked at, each once however many look. */
export class LiveLists {
  readonly #client: Client
  readonly #lists = new Map<string, LiveList<KubeObject>>()

  constructor(client: Client) {
    this.#client = client
  }

  of<O extends KubeObject>(kind: KindAddress, scope: Scope = {}): LiveList<O> {
    const id = [kind.apiVersion, kind.plural, scope.namespace, scope.fieldSelector, scope.labelSelector].join('|')
    let list = this.#lists.get(id)
    if (!list) {
      list = new LiveList<KubeObject>(this.#client, kind, scope)
      this.#lists.set(id, list)
    }
    // The map is keyed by kind, and a kind has one object type.
    return list as unknown as LiveList<O>
  }

  /** Stop all, as when the user has changed. */
  close(): void {
    for (const list of this.#lists.values()) list.close()
    this.#lists.clear()
  }
}
