import type { DatabaseSync } from 'node:sqlite'

/**
 * The tables of the SQLite store.
 *
 * `log` has a row for each write, whose id is the revision; `current` says which row is a key's present one. A row that
 * a later one replaced carries no value for anyone but watchers of the past, so compaction removes it.
 */
const format1 = `
  CREATE TABLE IF NOT EXISTS log (
    revision INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    previous INTEGER NOT NULL,
    value BLOB
  );
  CREATE TABLE IF NOT EXISTS current (key TEXT PRIMARY KEY, revision INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS mark (name TEXT PRIMARY KEY, revision INTEGER NOT NULL) WITHOUT ROWID;
  INSERT OR IGNORE INTO mark VALUES ('compacted', 0), ('floor', 0);
`

/**
 * What brings a file from each format to the next; the first makes an empty file one of format 1. A step that has been in
 * use is never changed, a change of the tables is one more step.
 */
export const upgrades: readonly string[] = [format1]

/**
 * What prepares a connection that writes. `synchronous` is set by hand because builds of SQLite differ in what WAL mode
 * implies: FULL makes every commit reach the disk before it is acknowledged.
 */
export const setup = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA busy_timeout = 5000;
  PRAGMA wal_autocheckpoint = 2000;
  PRAGMA journal_size_limit = 67108864;
  PRAGMA cache_size = -4096;
`

/** Asks for the last revision given out (the greatest of the three) and the one up to which the past is gone. */
export const marksQuery = `
  SELECT max((SELECT coalesce(max(revision), 0) FROM log), (SELECT max(revision) FROM mark)) AS revision,
         (SELECT revision FROM mark WHERE name = 'compacted') AS compacted
`

/** The answer to {@link marksQuery}. */
export interface Marks {
  revision: number
  compacted: number
}

export function readMarks(database: DatabaseSync): Marks {
  return database.prepare(marksQuery).get() as unknown as Marks
}
