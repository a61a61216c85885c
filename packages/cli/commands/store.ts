import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, constants, createWriteStream, openSync, renameSync, rmSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import type { Command } from '../command.ts'
import { asServer, nodeBinary, readableApp, requireRoot, runningProcesses } from '../host/installation.ts'
import { lockInstallation } from '../host/lock.ts'
import { bytes } from '../output/columns.ts'
import { filesOf, type Paths } from '../paths.ts'
import { UserError } from '../user-error.ts'

/** `thresher backup`. */
export const backup: Command = {
  path: ['backup'],
  summary: 'Back up all objects of the cluster while it runs (not the disks)',
  arguments: [{ name: 'file', description: 'copy the backup here as well', optional: true }],
  examples: ['thresher backup /root/thresher.backup'],
  async run(context, [file]) {
    const client = await context.client()
    const made = await client.transport.request<{ path: string; bytes: number }>({
      method: 'POST',
      path: '/maintenance/backup',
    })
    if (file !== undefined) {
      requireRoot('copying a backup')
      await copyBackup(made.path, resolve(file), filesOf(context.paths).serverData)
    }
    console.log(`backed up ${bytes(made.bytes)} to ${file === undefined ? made.path : resolve(file)}`)
    console.log(
      `Secrets in it are encrypted: keep ${join(filesOf(context.paths).serverData, 'encryption.key')} too, at another place.`,
    )
  },
}

/** `thresher restore`. */
export const restore: Command = {
  path: ['restore'],
  summary: 'Replace all objects by those of a backup, while the server is stopped',
  arguments: [{ name: 'file', description: 'the backup' }],
  async run({ paths }, [file]) {
    requireRoot('thresher restore')
    if (runningProcesses(paths).server) throw new UserError('the server runs; stop it first with: thresher down')
    using lock = lockInstallation(paths, 'thresher restore')
    void lock
    const source = resolve(file!)
    if (!statSync(source, { throwIfNoEntry: false })?.isFile()) throw new UserError(`${source} is not a file.`)
    const { objects, secrets } = await restoreAsServer(paths, source)
    console.log(`restored ${objects} objects, ${secrets} of them encrypted. Start again with: thresher up`)
  },
}

/** The path comes from the server, which root does not trust: only a file of the server's own user among its backups is copied. */
async function copyBackup(path: string, to: string, serverData: string): Promise<void> {
  if (dirname(path) !== join(serverData, 'backups'))
    throw new UserError(`the server made its backup at ${path}, which is not on this host; copy it from there.`)
  await using source = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  const found = await source.stat()
  if (!found.isFile() || found.uid !== statSync(serverData).uid || found.nlink !== 1)
    throw new UserError(`${path} is not a plain file of the server's user; it is not copied.`)
  const staged = `${to}.${process.pid}.new`
  try {
    await pipeline(
      source.createReadStream({ autoClose: false }),
      createWriteStream(staged, { flags: 'wx', mode: 0o600, flush: true }),
    )
    renameSync(staged, to)
  } finally {
    rmSync(staged, { force: true })
  }
}

/** Restore with the rights of the server's user, in whose folder links may lie that root would follow. */
async function restoreAsServer(paths: Paths, source: string): Promise<{ objects: number; secrets: number }> {
  const app = await readableApp(paths)
  const program = [
    nodeBinary(app),
    '--disable-warning=ExperimentalWarning',
    join(app, 'packages/server/restore-program.ts'),
  ]
  const input = openSync(source, 'r')
  try {
    const child = spawn('setpriv', [...asServer, ...program, filesOf(paths).serverData], {
      stdio: [input, 'pipe', 'pipe'],
    })
    const [stdout, stderr, code] = await Promise.all([text(child.stdout!), text(child.stderr!), exitOf(child)])
    if (code !== 0) throw new UserError(stderr.trim() || `the restore ended with ${code}.`)
    const { objects, secrets } = JSON.parse(stdout) as Record<string, unknown>
    return { objects: Number(objects), secrets: Number(secrets) }
  } finally {
    closeSync(input)
  }
}

function exitOf(child: ChildProcess): Promise<number> {
  return new Promise((done, fail) => {
    child.once('error', fail)
    child.once('exit', (code) => done(code ?? 1))
  })
}

/** `thresher rotate-encryption-key`. */
export const rotateEncryptionKey: Command = {
  path: ['rotate-encryption-key'],
  summary: 'Encrypt all secrets in the store with a new key, and forget the old one',
  async run(context) {
    const client = await context.client()
    const done = await client.transport.request<{ keyId: string; rewritten: number }>({
      method: 'POST',
      path: '/maintenance/rotate-encryption-key',
    })
    console.log(`${done.rewritten} objects are encrypted with the new key ${done.keyId}`)
  },
}
