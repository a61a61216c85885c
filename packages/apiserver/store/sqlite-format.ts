import type { DatabaseSync } from 'node:sqlite'
import { upgrades } from './sqlite-schema.ts'

/** `THSH`, by which a file is known as a store of this program. @see https://www.sqlite.org/pragma.html#pragma_application_id */
export const applicationId = 0x54485348

/**
 * Make an opened file a store of the newest format: an empty one gets its tables, an older one is upgraded in one transaction.
 *
 * @throws {Error} in one sentence, with the file unchanged, when it is another application's or a newer version's
 */
export function prepareFormat(database: DatabaseSync, steps: readonly string[] = upgrades): void {
  database.exec('PRAGMA busy_timeout = 5000')
  if (formatOf(database, steps.length) === steps.length) return
  database.exec('BEGIN IMMEDIATE')
  try {
    // Read again: another process may have been first.
    for (const step of steps.slice(formatOf(database, steps.length))) database.exec(step)
    database.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${steps.length}; COMMIT`)
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}

/** The version of a file's format; 0 where it carries none, as files from before there were versions. */
function formatOf(database: DatabaseSync, newest: number): number {
  const application = pragma(database, 'application_id')
  const version = pragma(database, 'user_version')
  if (application === 0 && version === 0) return requireOwnTables(database)
  if (application !== applicationId)
    throw new Error(
      `it is the database of another application (application_id ${application}); name a file of this program, or none`,
    )
  if (version > newest)
    throw new Error(
      `it has format ${version}, made by a newer version of this program that knows more than format ${newest}; start that version, or restore a backup from before`,
    )
  return version
}

/** Tables of format 1 are made only where they are missing, so that its files without a version pass through that step unchanged. */
function requireOwnTables(database: DatabaseSync): number {
  const rows = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'").all()
  const foreign = rows.map(({ name }) => String(name)).find((name) => !['log', 'current', 'mark'].includes(name))
  if (foreign === undefined) return 0
  throw new Error(
    `it is the database of another application (it has a table ${foreign}); name a file of this program, or none`,
  )
}

function pragma(database: DatabaseSync, name: 'application_id' | 'user_version'): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name])
}
