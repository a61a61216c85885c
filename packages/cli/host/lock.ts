import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { filesOf, type Paths } from '../paths.ts'
import { UserError } from '../user-error.ts'

/**
 * Be the only one who changes what runs on this installation, until it is disposed of or this process ends, however it ends.
 *
 * The lock is SQLite's own on a database without content: the kernel gives it back with the process, which a file with a process
 * number does not promise. Node offers no other lock of the kernel.
 *
 * @param what the command, for whoever comes second
 * @throws {UserError} naming who has it
 */
export function lockInstallation(paths: Paths, what: string): Disposable {
  const { lock } = filesOf(paths)
  const holder = `${lock}.holder`
  const database = new DatabaseSync(lock)
  try {
    database.exec('PRAGMA busy_timeout = 1000; BEGIN EXCLUSIVE')
  } catch (cause) {
    database.close()
    if (!/locked/.test((cause as Error).message)) throw new UserError(`${lock}: ${(cause as Error).message}`, { cause })
    throw new UserError(`${whoHas(holder)} is at work on this installation; wait until it has ended.`, { cause })
  }
  try {
    writeFileSync(holder, `${what} (pid ${process.pid})`, { mode: 0o644 })
  } catch {
    // Only for the other one's message; a full disk must not keep anybody from stopping a host.
  }
  return {
    [Symbol.dispose]: () => {
      rmSync(holder, { force: true })
      database.close()
    },
  }
}

function whoHas(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return 'another command'
  }
}
