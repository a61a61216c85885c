import { createWriteStream, existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { EtcdClient, type EtcdOptions } from './etcd-client.ts'
import type { Operation, TxnResponse, WatchResponse } from './etcd-messages.ts'
import { partitionReadable, readable } from './readable.ts'
import {
  StoreError,
  prefixEnd,
  type Store,
  type StoreEvent,
  type StoreOptions,
  type StorePage,
  type StoredValue,
  type StoreWatcher,
  type UnreadableValue,
  type ValueTransform,
} from './store.ts'

const DEFAULT_PAGE = 1000
const RECONNECT_MS = 200
const PUT = 0
/** In etcd's protocol, `\0` as a range's end means up to the last key. */
const everything = Buffer.from([0])

/**
 * The store of a cluster: etcd by its v3 API.
 *
 * The etcd cluster must be this product's alone: watches follow all of its keys, so that every revision is seen and a
 * reader can wait for the one that a linearizable read has named.
 */
export class EtcdStore implements Store {
  readonly source = 'etcd'
  readonly shared = true
  readonly #client: EtcdClient
  readonly #root: string
  readonly #transform: ValueTransform | undefined
  readonly #watches = new Set<EtcdWatch>()

  private constructor(client: EtcdClient, root: string, options: StoreOptions) {
    this.#client = client
    this.#root = root
    this.#transform = options.transform
  }

  /** Connect, and make sure that a majority answers. @param options.root what all keys begin with */
  static async open(options: EtcdOptions & StoreOptions & { root?: string }): Promise<EtcdStore> {
    const store = new EtcdStore(new EtcdClient(options), options.root ?? '/thresher', options)
    try {
      await store.currentRevision()
    } catch (error) {
      store.#client.close()
      throw error
    }
    return store
  }

  async get(key: string): Promise<StoredValue | undefined> {
    const { kvs } = await this.#client.call('Range', { key: this.#key(key) })
    const found = kvs[0]
    return found && this.#open(key, found.value, found.mod_revision)
  }

  async *list(prefix: string, { pageSize = DEFAULT_PAGE } = {}): AsyncIterable<StorePage> {
    const end = this.#key(prefixEnd(prefix))
    let from = this.#key(prefix)
    let revision = 0
    for (;;) {
      const page = await this.#client.call('Range', { key: from, range_end: end, limit: pageSize, revision })
      revision ||= page.header.revision
      const values = page.kvs.map((pair) => this.#readable(this.#short(pair.key), pair.value, pair.mod_revision))
      yield { revision, ...partitionReadable(values) }
      if (!page.more) return
      from = Buffer.concat([page.kvs.at(-1)!.key, everything])
    }
  }

  create(key: string, value: Uint8Array): Promise<number> {
    return this.#put(key, value, 0)
  }

  update(key: string, value: Uint8Array, expected: number): Promise<number> {
    return this.#put(key, value, expected)
  }

  async delete(key: string, expected: number): Promise<number> {
    const name = this.#key(key)
    const { answer, retried } = await this.#txn(name, expected, { request_delete_range: { key: name } })
    const current = currentOf(answer)
    // After a first try of unknown outcome, a key that is gone is what was asked for.
    if (answer.succeeded || (retried && !current)) return answer.header.revision
    throw failure(key, current?.mod_revision ?? 0, expected)
  }

  async #put(key: string, value: Uint8Array, expected: number): Promise<number> {
    const name = this.#key(key)
    const stored = Buffer.from(this.#transform ? this.#transform.toStore(key, value) : value)
    const { answer, retried } = await this.#txn(name, expected, { request_put: { key: name, value: stored } })
    if (answer.succeeded) return answer.header.revision
    const current = currentOf(answer)
    // A member may have carried the call out and failed before it could say so; the second try then finds our own value.
    if (retried && current && current.mod_revision > expected && current.value.equals(stored))
      return current.mod_revision
    throw failure(key, current?.mod_revision ?? 0, expected)
  }

  async #txn(key: Buffer, expected: number, success: Operation): Promise<{ answer: TxnResponse; retried: boolean }> {
    let retried = false
    const answer = await this.#client.call(
      'Txn',
      {
        compare: [{ key, mod_revision: expected }],
        success: [success],
        failure: [{ request_range: { key } }],
      },
      () => {
        retried = true
      },
    )
    return { answer, retried }
  }

  watch(prefix: string, from: number, watcher: StoreWatcher): () => void {
    const watch = new EtcdWatch(this.#client, from, {
      onResponse: (response) => {
        const events = response.events.flatMap((event) => this.#event(event, prefix))
        // Only what was delivered counts as seen: events of a later revision may still be on their way.
        const last = response.events.at(-1)?.kv.mod_revision ?? response.header.revision
        watcher.onEvents(events, last)
        return last
      },
      onLost: (error) => watcher.onLost(error),
      onConnection: (error) => watcher.onConnection?.(error),
    })
    this.#watches.add(watch)
    watch.open()
    return () => {
      this.#watches.delete(watch)
      watch.close()
    }
  }

  #event({ type, kv }: WatchResponse['events'][number], prefix: string): StoreEvent[] {
    const text = kv.key.toString()
    if (!text.startsWith(this.#root + prefix)) return []
    const key = text.slice(this.#root.length)
    if (type !== PUT) return [{ key, revision: kv.mod_revision }]
    return [this.#readable(key, kv.value, kv.mod_revision)]
  }

  async currentRevision(): Promise<number> {
    // Reading one key that is not there is a linearizable read, which the leader confirms with a majority.
    const { header } = await this.#client.call('Range', { key: this.#key('/'), keys_only: true })
    return header.revision
  }

  async compact(revision: number): Promise<void> {
    try {
      await this.#client.call('Compact', { revision })
    } catch (error) {
      // Another server was quicker.
      if (!(error instanceof StoreError && error.reason === 'Compacted')) throw error
    }
  }

  async backup(path: string): Promise<void> {
    if (existsSync(path)) throw new StoreError('Exists', `${path} exists; name a file that does not`)
    try {
      await pipeline(this.#client.openSnapshot(), createWriteStream(path, { flush: true }))
    } catch (cause) {
      await rm(path, { force: true })
      throw new StoreError('Unavailable', `the snapshot of etcd broke off: ${(cause as Error).message}`, { cause })
    }
  }

  async sizeBytes(): Promise<number> {
    return (await this.#client.call('Status', {})).dbSize
  }

  close(): Promise<void> {
    for (const watch of this.#watches) watch.lose(new StoreError('Unavailable', 'the store is closed'))
    this.#watches.clear()
    this.#client.close()
    return Promise.resolve()
  }

  #key(key: string): Buffer {
    return Buffer.from(this.#root + key)
  }

  #short(key: Buffer): string {
    return key.toString().slice(this.#root.length)
  }

  #readable(key: string, value: Uint8Array, revision: number): StoredValue | UnreadableValue {
    return readable(key, revision, () => this.#open(key, value, revision))
  }

  #open(key: string, value: Uint8Array, revision: number): StoredValue {
    // A copy: what gRPC gives is a part of the whole message, which would stay in memory with it.
    const own = Buffer.allocUnsafeSlow(value.byteLength)
    own.set(value)
    return { key, revision, value: this.#transform ? this.#transform.fromStore(key, own) : own }
  }
}

function currentOf(answer: TxnResponse) {
  return answer.responses[0]?.response_range?.kvs[0]
}

function failure(key: string, current: number, expected: number): StoreError {
  const reason = expected === 0 ? 'Exists' : current === 0 ? 'NotFound' : 'Conflict'
  return new StoreError(reason, `${key} is at revision ${current}`, { current })
}

interface WatchTarget {
  /** @returns the revision up to which everything is delivered */
  onResponse(response: WatchResponse): number
  onLost(error: StoreError): void
  onConnection(error: StoreError | undefined): void
}

/** A watch over all keys that goes on at another member when its own fails, from where it was. */
class EtcdWatch {
  readonly #client: EtcdClient
  readonly #target: WatchTarget
  #after: number
  #stream: ReturnType<EtcdClient['openWatch']> | undefined
  #retry: NodeJS.Timeout | undefined
  #closed = false

  constructor(client: EtcdClient, from: number, target: WatchTarget) {
    this.#client = client
    this.#after = from
    this.#target = target
  }

  open(): void {
    if (this.#closed) return
    let stream: ReturnType<EtcdClient['openWatch']>
    try {
      const request = { key: everything, range_end: everything, start_revision: this.#after + 1 }
      stream = this.#client.openWatch(request)
    } catch (error) {
      return this.#again(error)
    }
    this.#stream = stream
    this.#follow(stream).then(
      () => this.#again(new Error('the member has ended the watch')),
      (error: unknown) => this.#again(error),
    )
  }

  /** Hand on what comes, until the member ends the watch. */
  async #follow({ responses }: ReturnType<EtcdClient['openWatch']>): Promise<void> {
    for await (const response of responses) {
      if (this.#closed) return
      if (response.compact_revision > 0) {
        const error = `revision ${this.#after} is older than ${response.compact_revision}`
        return this.lose(new StoreError('Compacted', error))
      }
      if (response.canceled) return
      this.#target.onConnection(undefined)
      // The answer to the creation names the store's revision, not ours.
      if (response.created && response.events.length === 0) continue
      this.#after = Math.max(this.#after, this.#target.onResponse(response))
    }
  }

  #again(cause: unknown): void {
    if (this.#closed) return
    this.#target.onConnection(new StoreError('Unavailable', String(cause), { cause }))
    this.#client.passOver()
    this.#retry = setTimeout(() => this.open(), RECONNECT_MS)
  }

  lose(error: StoreError): void {
    if (this.#closed) return
    this.close()
    this.#target.onLost(error)
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#retry)
    this.#stream?.cancel()
  }
}
