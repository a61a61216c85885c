import { copyFile, rename, rm, stat, open } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { DatabaseSync, backup } from 'node:sqlite'
import { Worker } from 'node:worker_threads'
import { prepareFormat } from './sqlite-format.ts'
import { marksQuery, readMarks, setup, type Marks } from './sqlite-schema.ts'
import { partitionReadable, readable } from './readable.ts'
import {
  serveStore,
  type WorkerReply,
  type WorkerRequest,
  type WorkerSetup,
  type WriteOperation,
  type WriteResult,
} from './sqlite-worker.ts'
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
} from './store.ts'

interface PendingWrite {
  key: string
  expected: number
  /** In the clear, for the event; undefined for a deletion. */
  value: Uint8Array | undefined
  stored: Uint8Array | undefined
  resolve(revision: number): void
  reject(error: StoreError): void
}

interface Row {
  key: string
  value: Uint8Array | null
  revision: number
}

const DEFAULT_PAGE = 5000
/** Bytes and writes that one transaction takes at most, so that its memory is bounded and nobody waits long. */
const BATCH_BYTES = 16 * 1024 * 1024
const BATCH_WRITES = 512

/**
 * The store of a single server: one SQLite file.
 *
 * Writes go to a worker thread, which puts all that wait into one transaction and so shares the disk flush among them;
 * the main thread never waits for the disk. Reads use a connection of their own on the main thread. Watchers see a write
 * just before its promise is fulfilled, so whoever wrote finds the watch cache up to date.
 */
export class SqliteStore implements Store {
  readonly source = 'SQLite'
  readonly shared = false
  readonly #path: string
  readonly #options: StoreOptions
  readonly #worker: Worker
  readonly #reader: DatabaseSync
  readonly #watchers = new Set<{ prefix: string; from: number; watcher: StoreWatcher }>()
  readonly #replies = new Map<number, { resolve(reply: WorkerReply): void; reject(error: StoreError): void }>()
  #queue: PendingWrite[] = []
  #busy = false
  #nextId = 1
  #revision: number
  #compacted: number
  #closed: StoreError | undefined

  private constructor(path: string, options: StoreOptions, worker: Worker, marks: Marks) {
    this.#path = path
    this.#options = options
    this.#worker = worker
    this.#revision = marks.revision
    this.#compacted = marks.compacted
    this.#reader = new DatabaseSync(path, { readOnly: true })
    this.#reader.exec('PRAGMA busy_timeout = 5000; PRAGMA cache_size = -2048')
    worker.on('message', (reply: WorkerReply) => {
      if (!('id' in reply)) return
      const waiting = this.#replies.get(reply.id)
      this.#replies.delete(reply.id)
      waiting?.resolve(reply)
    })
    worker.on('error', (error) => this.#fail(new StoreError('Unavailable', `the store has failed: ${String(error)}`)))
    worker.on('exit', () => this.#fail(new StoreError('Unavailable', 'the store is closed')))
  }

  /** Open the file at `path`, which is made if need be; its directory must be there. */
  static async open(path: string, options: StoreOptions = {}): Promise<SqliteStore> {
    requireFormat(path)
    const worker = new Worker(workerCode(), {
      eval: true,
      workerData: { path, setup, marksQuery } satisfies WorkerSetup,
      // The process's own flags (a profiler's, a test runner's) are not for this thread.
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: 2 },
    })
    const marks = await new Promise<Marks>((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', (cause) =>
        reject(new StoreError('Unavailable', `cannot open the store ${path}: ${String(cause)}`, { cause })),
      )
    })
    return new SqliteStore(path, options, worker, marks)
  }

  get(key: string): Promise<StoredValue | undefined> {
    const row = this.#reader
      .prepare('SELECT l.key, l.value, l.revision FROM current c JOIN log l ON l.revision = c.revision WHERE c.key = ?')
      .get(key) as unknown as Row | undefined
    return Promise.resolve(row && this.#open(row))
  }

  async *list(prefix: string, { pageSize = DEFAULT_PAGE } = {}): AsyncIterable<StorePage> {
    const reader = new DatabaseSync(this.#path, { readOnly: true })
    try {
      // One read transaction sees one state of the file, whatever is written meanwhile.
      reader.exec('PRAGMA busy_timeout = 5000; BEGIN')
      const { revision } = readMarks(reader)
      const statement = reader.prepare(
        `SELECT l.key, l.value, l.revision FROM current c JOIN log l ON l.revision = c.revision
         WHERE c.key > ? AND c.key < ? ORDER BY c.key LIMIT ?`,
      )
      let after = prefix
      for (;;) {
        const rows = statement.all(after, prefixEnd(prefix), pageSize) as unknown as Row[]
        yield { revision, ...partitionReadable(rows.map((row) => this.#readable(row))) }
        if (rows.length < pageSize) return
        after = rows.at(-1)!.key
      }
    } finally {
      reader.close()
    }
  }

  create(key: string, value: Uint8Array): Promise<number> {
    return this.#write(key, value, 0)
  }

  update(key: string, value: Uint8Array, expected: number): Promise<number> {
    return this.#write(key, value, expected)
  }

  delete(key: string, expected: number): Promise<number> {
    return this.#write(key, undefined, expected)
  }

  watch(prefix: string, from: number, watcher: StoreWatcher): () => void {
    const registration = { prefix, from, watcher }
    let cancelled = false
    // Begins in a microtask, so that the caller has its handle before the first event.
    queueMicrotask(() => {
      if (this.#closed) return watcher.onLost(this.#closed)
      if (from < this.#compacted) {
        return watcher.onLost(new StoreError('Compacted', `revision ${from} is older than ${this.#compacted}`))
      }
      if (cancelled) return
      const upTo = this.#revision
      const rows = this.#reader
        .prepare(
          `SELECT key, value, revision FROM log
           WHERE revision > ? AND revision <= ? AND key >= ? AND key < ? ORDER BY revision`,
        )
        .all(from, upTo, prefix, prefixEnd(prefix)) as unknown as Row[]
      registration.from = Math.max(from, upTo)
      this.#watchers.add(registration)
      if (upTo >= from) {
        watcher.onEvents(
          rows.map((row) => (row.value === null ? { key: row.key, revision: row.revision } : this.#readable(row))),
          upTo,
        )
      }
    })
    return () => {
      cancelled = true
      this.#watchers.delete(registration)
    }
  }

  currentRevision(): Promise<number> {
    return Promise.resolve(this.#revision)
  }

  async compact(revision: number): Promise<void> {
    this.#compacted = Math.max(this.#compacted, Math.min(revision, this.#revision))
    for (;;) {
      const reply = await this.#call({ type: 'compact', revision })
      if (reply.type !== 'compacted' || reply.finished) return
    }
  }

  async backup(path: string): Promise<void> {
    if (existsSync(path)) throw new StoreError('Exists', `${path} exists; name a file that does not`)
    await backup(this.#reader, path)
    const file = await open(path, 'r')
    await file.sync()
    await file.close()
  }

  async sizeBytes(): Promise<number> {
    const sizes = await Promise.all(
      [this.#path, `${this.#path}-wal`].map((path) =>
        stat(path).then(
          (found) => found.size,
          () => 0,
        ),
      ),
    )
    return sizes.reduce((sum, size) => sum + size, 0)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    while (this.#busy) await new Promise((resolve) => setTimeout(resolve, 1))
    if (this.#closed) return
    this.#reader.close()
    await this.#call({ type: 'close' })
    this.#fail(new StoreError('Unavailable', 'the store is closed'))
    await this.#worker.terminate()
  }

  #open(row: Row): StoredValue {
    const value = row.value!
    const { transform } = this.#options
    return { key: row.key, revision: row.revision, value: transform ? transform.fromStore(row.key, value) : value }
  }

  #readable(row: Row): StoredValue | UnreadableValue {
    return readable(row.key, row.revision, () => this.#open(row))
  }

  #write(key: string, value: Uint8Array | undefined, expected: number): Promise<number> {
    if (this.#closed) return Promise.reject(this.#closed)
    const { transform } = this.#options
    const stored = value && transform ? transform.toStore(key, value) : value
    return new Promise((resolve, reject) => {
      this.#queue.push({ key, expected, value, stored, resolve, reject })
      if (!this.#busy) {
        this.#busy = true
        // Whatever else this turn of the event loop writes joins the transaction.
        setImmediate(() => void this.#drain())
      }
    })
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0 && !this.#closed) {
      const batch = this.#takeBatch()
      const { operations, values } = pack(batch)
      try {
        const reply = await this.#call({ type: 'write', operations, values }, [values])
        this.#settle(batch, (reply as { results: WriteResult[] }).results)
      } catch (error) {
        for (const write of batch) write.reject(error as StoreError)
      }
    }
    this.#busy = false
  }

  #takeBatch(): PendingWrite[] {
    let bytes = 0
    let count = 0
    while (count < this.#queue.length && count < BATCH_WRITES && bytes < BATCH_BYTES) {
      bytes += this.#queue[count]!.stored?.byteLength ?? 0
      count += 1
    }
    return this.#queue.splice(0, count)
  }

  #settle(batch: PendingWrite[], results: WriteResult[]): void {
    const events: StoreEvent[] = []
    batch.forEach((write, index) => {
      const result = results[index]!
      if ('revision' in result) events.push({ key: write.key, value: write.value, revision: result.revision })
    })
    if (events.length > 0) {
      this.#revision = events.at(-1)!.revision
      this.#deliver(events)
    }
    batch.forEach((write, index) => {
      const result = results[index]!
      if ('revision' in result) write.resolve(result.revision)
      else {
        write.reject(new StoreError(result.failed, `${write.key} is at revision ${result.current}`, result))
      }
    })
  }

  #deliver(events: StoreEvent[]): void {
    for (const { prefix, from, watcher } of this.#watchers) {
      const wanted = events.filter((event) => event.revision > from && event.key.startsWith(prefix))
      watcher.onEvents(wanted, this.#revision)
    }
  }

  async #call(request: DistributiveOmit<WorkerRequest, 'id'>, transfer: ArrayBuffer[] = []): Promise<WorkerReply> {
    if (this.#closed) throw this.#closed
    const id = this.#nextId++
    const reply = await new Promise<WorkerReply>((resolve, reject) => {
      this.#replies.set(id, { resolve, reject })
      this.#worker.postMessage({ ...request, id }, transfer)
    })
    if (reply.type !== 'error') return reply
    if (reply.full) throw new StoreError('Full', `the disk that holds ${this.#path} takes no more: ${reply.message}`)
    throw new StoreError('Unavailable', `the store refused: ${reply.message}`)
  }

  #fail(error: StoreError): void {
    if (this.#closed) return
    this.#closed = error
    for (const reply of this.#replies.values()) reply.reject(error)
    for (const write of this.#queue) write.reject(error)
    for (const { watcher } of this.#watchers) watcher.onLost(error)
    this.#replies.clear()
    this.#watchers.clear()
    this.#queue = []
  }
}

/** @throws {StoreError} when the file is not this program's, or of a newer version */
function requireFormat(path: string): void {
  try {
    using database = new DatabaseSync(path)
    prepareFormat(database)
  } catch (cause) {
    throw new StoreError('Unavailable', `cannot open the store ${path}: ${(cause as Error).message}`, { cause })
  }
}

/** The thread's program, see {@link serveStore}. */
function workerCode(): string {
  return `const { parentPort, workerData } = require('node:worker_threads');
(${serveStore.toString()})(require('node:sqlite').DatabaseSync, parentPort, workerData)`
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never

function pack(batch: PendingWrite[]): { operations: WriteOperation[]; values: ArrayBuffer } {
  const total = batch.reduce((sum, write) => sum + (write.stored?.byteLength ?? 0), 0)
  const values = new Uint8Array(total)
  let offset = 0
  const operations = batch.map(({ key, expected, stored }) => {
    const operation = { key, expected, offset, length: stored ? stored.byteLength : -1 }
    if (stored) values.set(stored, offset)
    offset += stored?.byteLength ?? 0
    return operation
  })
  return { operations, values: values.buffer }
}

/** How far revisions jump at a restore, so that none is given out again that a client saw before with other content. */
const RESTORE_GAP = 1_000_000

/**
 * Put a backup in the place of a store that is not open.
 *
 * The former file is kept as `<path>.before-restore`. @throws {StoreError} when the backup is damaged
 */
export async function restoreSqlite(backupPath: string, path: string): Promise<void> {
  const staged = `${path}.restoring`
  await copyFile(backupPath, staged)
  try {
    const database = new DatabaseSync(staged)
    try {
      const check = database.prepare('PRAGMA integrity_check').get() as { integrity_check: string }
      if (check.integrity_check !== 'ok') throw new Error(check.integrity_check)
      prepareFormat(database)
      database.exec(setup)
      const { revision } = readMarks(database)
      const floor = revision + RESTORE_GAP
      database.prepare(`UPDATE mark SET revision = ? WHERE name IN ('floor', 'compacted')`).run(floor)
      // Rows of the past would be taken for deletions to come; only present values stay.
      database.exec(`DELETE FROM log WHERE revision NOT IN (SELECT revision FROM current)`)
      database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    } finally {
      database.close()
    }
  } catch (cause) {
    await rm(staged, { force: true })
    throw new StoreError('Unavailable', `${backupPath} is not a sound backup: ${(cause as Error).message}`, { cause })
  }
  if (existsSync(path)) await rename(path, `${path}.before-restore`)
  await Promise.all(['-wal', '-shm'].map((suffix) => rm(path + suffix, { force: true })))
  await rename(staged, path)
}
