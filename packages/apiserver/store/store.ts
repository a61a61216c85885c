/** A key's value as it stands at a revision. */
export interface StoredValue {
  key: string
  value: Uint8Array
  /** The revision of the write that made this value. */
  revision: number
}

/** A key whose value is there and cannot be read: it is neither handed out empty nor taken for a deletion. */
export interface UnreadableValue {
  key: string
  revision: number
  unreadable: Error
}

/** One write, in the order of revisions. A deletion has neither `value` nor `unreadable`. */
export interface StoreEvent {
  key: string
  value?: Uint8Array
  /** Why the value that was written cannot be read. */
  unreadable?: Error
  revision: number
}

/** Part of a list. All pages of one list are as of the same revision. */
export interface StorePage {
  revision: number
  items: StoredValue[]
  /** What the transform cannot read, so that one such value does not cost the others. */
  unreadable: UnreadableValue[]
}

/** Where a watch delivers to. Both functions are called in turn, never at once. */
export interface StoreWatcher {
  /**
   * Events in revision order, none left out and none twice; or none, when only the revision moved on.
   *
   * @param revision every write up to here has been delivered
   */
  onEvents(events: StoreEvent[], revision: number): void
  /** The watch has ended and will deliver nothing more; list again and start a new one. */
  onLost(error: StoreError): void
  /** The source is not to be reached at present (`error`), or is again (none). The watch goes on by itself and misses nothing. */
  onConnection?(error: StoreError | undefined): void
}

export type StoreFailure =
  /** create: the key is there already */
  | 'Exists'
  /** update or delete: the key is at another revision */
  | 'Conflict'
  /** update or delete: the key is not there */
  | 'NotFound'
  /** watch: the revision is older than what the store keeps */
  | 'Compacted'
  /** The disk is full: reads go on, writes may be tried again later */
  | 'Full'
  /** The store cannot be reached or has been closed; whether a write was done is unknown */
  | 'Unavailable'

/** Why the store did not do as asked. */
export class StoreError extends Error {
  readonly reason: StoreFailure
  /** For `Conflict` and `Exists`, the revision at which the key is. */
  readonly current?: number

  constructor(reason: StoreFailure, message: string, options: { current?: number; cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.name = 'StoreError'
    this.reason = reason
    this.current = options.current
  }
}

/** Changes values on their way into and out of the store: encryption at rest. Both must be quick, they run on the main thread. */
export interface ValueTransform {
  toStore(key: string, value: Uint8Array): Uint8Array
  fromStore(key: string, value: Uint8Array): Uint8Array
}

/** What every store is opened with. */
export interface StoreOptions {
  transform?: ValueTransform
}

/**
 * Keeps values under keys, with one revision for all of them that every write raises.
 *
 * A write is acknowledged once it is on stable storage. Revisions are safe integers above 0.
 */
export interface Store {
  /** What keeps the values, for messages: `etcd`, `SQLite`. */
  readonly source: string
  /** One value. Rejects with the transform's error when it cannot be read. */
  get(key: string): Promise<StoredValue | undefined>
  /** Everything whose key begins with `prefix`, ordered by key, in pages, as of the latest revision. */
  list(prefix: string, options?: { pageSize?: number }): AsyncIterable<StorePage>
  /** @returns the new revision. @throws {StoreError} `Exists` */
  create(key: string, value: Uint8Array): Promise<number>
  /** @returns the new revision. @throws {StoreError} `Conflict` unless the key is at revision `expected`; `NotFound` */
  update(key: string, value: Uint8Array, expected: number): Promise<number>
  /** @returns the deletion's revision. @throws {StoreError} `Conflict` unless the key is at revision `expected`; `NotFound` */
  delete(key: string, expected: number): Promise<number>
  /** Deliver every write after revision `from` under `prefix`, past ones first. @returns ends the watch */
  watch(prefix: string, from: number, watcher: StoreWatcher): () => void
  /** The revision of the last acknowledged write by anyone; never lower than one that was acknowledged before the call. */
  currentRevision(): Promise<number>
  /** Forget values superseded at or before `revision`; watches from before it fail with `Compacted`. */
  compact(revision: number): Promise<void>
  /** Write a consistent copy of the whole store into the new file `path`, while writes go on. */
  backup(path: string): Promise<void>
  /** Whether other servers write to the same store, so that its newest revision must be asked for. */
  readonly shared: boolean
  /** Bytes on disk. */
  sizeBytes(): Promise<number>
  close(): Promise<void>
}

/** The first key after all those that begin with `prefix`. */
export function prefixEnd(prefix: string): string {
  return prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1)
}
