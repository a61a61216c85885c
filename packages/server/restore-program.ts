import { createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { restoreServer } from './restore.ts'

/**
 * `thresher restore`, as the server's user: takes the backup from standard input, because root may be the only one who can read it, and
 * works in the server's folder, because root must not write where that user may have put links. Prints what it restored as JSON.
 */
const [dataDir] = process.argv.slice(2)
process.umask(0o077)
const staged = join(dataDir!, `restore-${process.pid}.backup`)
try {
  await pipeline(process.stdin, createWriteStream(staged, { flags: 'wx', mode: 0o600 }))
  process.stdout.write(JSON.stringify(await restoreServer(dataDir!, staged)))
} catch (error) {
  process.stderr.write((error as Error).message.replaceAll(staged, 'the file'))
  process.exitCode = 1
} finally {
  await rm(staged, { force: true })
}
