import { chmodSync, copyFileSync, lchownSync, readdirSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { restoreServer } from '@thresher/server/restore'
import type { Command } from '../command.ts'
import { requireRoot, runningProcesses } from '../host/installation.ts'
import { bytes } from '../output/columns.ts'
import { filesOf } from '../paths.ts'
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
      copyFileSync(made.path, file)
      chmodSync(file, 0o600)
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
    const source = resolve(file!)
    if (!statSync(source, { throwIfNoEntry: false })?.isFile()) throw new UserError(`${source} is not a file.`)
    const folder = filesOf(paths).serverData
    const owner = statSync(folder)
    const { objects, secrets } = await restoreServer(folder, source)
    // Written as root just now, but the server runs as its own user, who may have put links here: these are not followed.
    for (const name of readdirSync(folder)) {
      if (name.startsWith('store.db')) lchownSync(join(folder, name), owner.uid, owner.gid)
    }
    console.log(`restored ${objects} objects, ${secrets} of them encrypted. Start again with: thresher up`)
  },
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
