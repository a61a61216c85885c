import type { DatabaseSync as Database } from 'node:sqlite'
import type { MessagePort } from 'node:worker_threads'

/** What the thread is begun with. */
export interface WorkerSetup {
  path: string
  /** SQL that prepares the connection. */
  setup: string
  /** SQL that asks for revision and compacted. */
  marksQuery: string
}

/** One write. `expected` 0 means that the key must not be there; `length` −1 is a deletion. */
export interface WriteOperation {
  key: string
  expected: number
  /** Where the value lies in the batch's `values`. */
  offset: number
  length: number
}

/** What the main thread asks for. Values of a batch travel in one transferred buffer. */
export type WorkerRequest =
  | { id: number; type: 'write'; operations: WriteOperation[]; values: ArrayBuffer }
  /** One step of it, so that writes have their turn between the steps. */
  | { id: number; type: 'compact'; revision: number }
  | { id: number; type: 'close' }

/** For each write the new revision, or how it failed with the revision at which the key is (0: not there). */
export type WriteResult = { revision: number } | { failed: 'Exists' | 'Conflict' | 'NotFound'; current: number }

export type WorkerReply =
  | { type: 'ready'; revision: number; compacted: number }
  | { id: number; type: 'written'; results: WriteResult[] }
  | { id: number; type: 'compacted'; finished: boolean }
  | { id: number; type: 'done' }
  | { id: number; type: 'error'; message: string; full: boolean }

/**
 * The thread's code. It goes there as text and so may use nothing from around it: a thread that reads this file has to
 * take its types off first, and a process in which that is done even once needs 16 MiB more.
 */
export function serveStore(
  DatabaseSync: typeof Database,
  port: MessagePort,
  { path, setup, marksQuery }: WorkerSetup,
): void {
  // SQLite's result codes FULL and IOERR: no space, or the disk refuses.
  const FULL = 13
  const IOERR = 10
  // Rows removed in one transaction of a compaction, so that writes wait only briefly.
  const COMPACTION_STEP = 2000
  const database = new DatabaseSync(path)
  database.exec(setup)
  let { revision, compacted } = database.prepare(marksQuery).get() as { revision: number; compacted: number }

  const find = database.prepare('SELECT revision FROM current WHERE key = ?')
  const append = database.prepare('INSERT INTO log (revision, key, previous, value) VALUES (?, ?, ?, ?)')
  const point = database.prepare(
    'INSERT INTO current VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET revision = excluded.revision',
  )
  const unpoint = database.prepare('DELETE FROM current WHERE key = ?')

  const write = (operations: WriteOperation[], values: ArrayBuffer): WriteResult[] => {
    let next = revision
    database.exec('BEGIN IMMEDIATE')
    const results = operations.map((operation): WriteResult => {
      const row = find.get(operation.key) as { revision: number } | undefined
      const current = row?.revision ?? 0
      if (current !== operation.expected) {
        if (operation.expected === 0) return { failed: 'Exists', current }
        return { failed: current === 0 ? 'NotFound' : 'Conflict', current }
      }
      next += 1
      if (operation.length < 0) {
        append.run(next, operation.key, current, null)
        unpoint.run(operation.key)
      } else {
        append.run(next, operation.key, current, new Uint8Array(values, operation.offset, operation.length))
        point.run(operation.key, next)
      }
      return { revision: next }
    })
    database.exec('COMMIT')
    revision = next
    return results
  }

  const superseded = database.prepare(
    `DELETE FROM log WHERE revision IN
       (SELECT previous FROM log WHERE revision > ? AND revision <= ? AND previous != 0)`,
  )
  const tombstones = database.prepare('DELETE FROM log WHERE revision > ? AND revision <= ? AND value IS NULL')
  const remember = database.prepare(`UPDATE mark SET revision = ? WHERE name = 'compacted'`)

  // The mark moves with the rows, so that one that is cut off goes on from there the next time.
  const compactStep = (upTo: number): boolean => {
    const target = Math.min(upTo, revision)
    if (target <= compacted) return true
    const to = Math.min(compacted + COMPACTION_STEP, target)
    database.exec('BEGIN IMMEDIATE')
    superseded.run(compacted, to)
    tombstones.run(compacted, to)
    remember.run(to)
    database.exec('COMMIT')
    compacted = to
    return to === target
  }

  const answer = (request: WorkerRequest): WorkerReply => {
    try {
      if (request.type === 'write') {
        return { id: request.id, type: 'written', results: write(request.operations, request.values) }
      }
      if (request.type === 'compact')
        return { id: request.id, type: 'compacted', finished: compactStep(request.revision) }
      database.close()
      return { id: request.id, type: 'done' }
    } catch (error) {
      if (database.isOpen && database.isTransaction) database.exec('ROLLBACK')
      const code = ((error as { errcode?: number }).errcode ?? 0) & 0xff
      return { id: request.id, type: 'error', message: (error as Error).message, full: code === FULL || code === IOERR }
    }
  }

  port.on('message', (request: WorkerRequest) => {
    port.postMessage(answer(request))
    if (request.type === 'close') port.close()
  })
  port.postMessage({ type: 'ready', revision, compacted } satisfies WorkerReply)
}
