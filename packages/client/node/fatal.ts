import { appendFileSync, writeSync } from 'node:fs'
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
      appendFileSync(path, text, { mode: 0o600 })
      return [...written, path]
    } catch {
      // The next one.
    }
  }
  return written
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
