import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Write why a program ends to its standard error and, since that may be a full disk, to `<program>.fatal` in the first of these
 * folders that takes it, with the whole stack.
 *
 * @param folders the one in memory first, such as that below /run
 * @returns where it was written
 */
export function writeFatal(program: string, error: unknown, folders: readonly string[]): string[] {
  const text = `${new Date().toISOString()} ${program} ends: ${stackOf(error)}\n`
  const written: string[] = []
  try {
    writeSync(2, text)
    written.push('stderr')
  } catch {
    // That is what the folders are for.
  }
  for (const folder of folders) {
    const path = join(folder, `${program}.fatal`)
    try {
      append(path, text)
      return [...written, path]
    } catch {
      // The next one.
    }
  }
  return written
}

/** Append to a plain file of our own; in a shared folder somebody else may have put a link under this name. */
function append(path: string, text: string): void {
  const flags =
    constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK
  const file = openSync(path, flags, 0o600)
  try {
    const { uid, nlink } = fstatSync(file)
    if (uid !== process.getuid?.() || nlink !== 1) throw new Error(`${path} is not a file of our own`)
    writeSync(file, text)
  } finally {
    closeSync(file)
  }
}

/** From now on an error that nobody caught is written by {@link writeFatal} before the program ends with it. */
export function endOnUncaught(program: string, folders: readonly string[]): void {
  process.on('uncaughtException', (error) => {
    writeFatal(program, error, folders)
    process.exit(1)
  })
}

/** An error with its stack and causes. */
function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const own = error.stack ?? String(error)
  return error.cause === undefined ? own : `${own}\ncaused by ${stackOf(error.cause)}`
}
