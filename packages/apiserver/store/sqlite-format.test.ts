import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { applicationId, prepareFormat } from './sqlite-format.ts'
import { upgrades } from './sqlite-schema.ts'
import { SqliteStore, restoreSqlite } from './sqlite.ts'

let directory: string
let path: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sqlite-format-'))
  path = join(directory, 'store.db')
})
afterEach(() => rm(directory, { recursive: true }))

/** A file as it was written before formats had a number. */
const unnumbered = `
  PRAGMA journal_mode = WAL;
  CREATE TABLE log (revision INTEGER PRIMARY KEY, key TEXT NOT NULL, previous INTEGER NOT NULL, value BLOB);
  CREATE TABLE current (key TEXT PRIMARY KEY, revision INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE mark (name TEXT PRIMARY KEY, revision INTEGER NOT NULL) WITHOUT ROWID;
  INSERT INTO mark VALUES ('compacted', 3), ('floor', 0);
  INSERT INTO log VALUES (7, '/a/b/c', 0, 'kept');
  INSERT INTO current VALUES ('/a/b/c', 7);
`

function sql<T>(file: string, work: (database: DatabaseSync) => T): T {
  using database = new DatabaseSync(file)
  return work(database)
}

const marks = (file: string) =>
  sql(file, (database) => ({
    ...database.prepare('PRAGMA application_id').get(),
    ...database.prepare('PRAGMA user_version').get(),
  }))

test('a new file says whose it is and in which format, and so does its backup', async () => {
  const store = await SqliteStore.open(path)
  await store.backup(join(directory, 'backup.db'))
  await store.close()
  const expected = { application_id: applicationId, user_version: upgrades.length }
  expect(marks(path)).toEqual(expected)
  expect(marks(join(directory, 'backup.db'))).toEqual(expected)
})

test('a file from before formats had a number is taken as format 1, with all that is in it', async () => {
  sql(path, (database) => database.exec(unnumbered))
  const store = await SqliteStore.open(path)
  expect(Buffer.from((await store.get('/a/b/c'))!.value).toString()).toBe('kept')
  expect(await store.create('/a/b/d', Buffer.from('x'))).toBe(8)
  await store.close()
  expect(marks(path)).toEqual({ application_id: applicationId, user_version: upgrades.length })
})

test('a file of a newer version is refused in one sentence, also as a backup, and left as it is', async () => {
  await (await SqliteStore.open(path)).close()
  sql(path, (database) => database.exec('PRAGMA user_version = 99'))
  await expect(SqliteStore.open(path)).rejects.toThrow(
    `cannot open the store ${path}: it has format 99, made by a newer version of this program`,
  )
  await expect(restoreSqlite(path, join(directory, 'other.db'))).rejects.toThrow('it has format 99')
  expect(marks(path)).toEqual({ application_id: applicationId, user_version: 99 })
})

test('the file of another application is refused, whether it says so or only has other tables', async () => {
  sql(path, (database) => database.exec('PRAGMA application_id = 7; CREATE TABLE log (x)'))
  await expect(SqliteStore.open(path)).rejects.toThrow('another application (application_id 7)')
  const other = join(directory, 'other.db')
  sql(other, (database) => database.exec('CREATE TABLE people (name TEXT)'))
  await expect(SqliteStore.open(other)).rejects.toThrow('another application (it has a table people)')
  expect(sql(other, (database) => database.prepare('SELECT name FROM sqlite_schema').all())).toHaveLength(1)
})

test('an older file is upgraded step by step; one whose upgrade fails stays what it was', async () => {
  await (await SqliteStore.open(path)).close()
  const broken = [...upgrades, 'CREATE TABLE further (x); INSERT INTO nowhere VALUES (1)']
  expect(() => sql(path, (database) => prepareFormat(database, broken))).toThrow('nowhere')
  expect(marks(path)).toMatchObject({ user_version: upgrades.length })
  const next = [...upgrades, 'CREATE TABLE further (x)', 'INSERT INTO further VALUES (5)']
  sql(path, (database) => prepareFormat(database, next))
  expect(marks(path)).toMatchObject({ user_version: next.length })
  expect(sql(path, (database) => database.prepare('SELECT x FROM further').get())).toEqual({ x: 5 })
})
