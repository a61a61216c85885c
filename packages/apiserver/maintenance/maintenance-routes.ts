import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ApiError } from '@thresher/api/error'
import { rotateEncryptionKey } from '../encryption/rotate.ts'
import type { ValueCipher } from '../encryption/value-cipher.ts'
import { makePrivateDirectory } from '../pki/private-file.ts'
import { valueAnswer } from '../request.ts'
import type { Store } from '../store/store.ts'
import type { RouteHandler } from '../subresource.ts'

/** What is maintained, and where backups go. */
export interface MaintenanceOptions {
  store: Store
  cipher: ValueCipher
  /** The file of encryption keys. */
  keyFile: string
  /** A folder of the server's own. */
  backupDir: string
  /** Backups that are kept there; older ones are removed. */
  keepBackups?: number
}

/** Where the operations are found. RBAC judges them by the verb `post` on these paths, which only cluster-admin has. */
export const maintenancePaths = {
  rotateEncryptionKey: '/maintenance/rotate-encryption-key',
  backup: '/maintenance/backup',
} as const

/**
 * Operations on the store that must run in the server's own process.
 *
 * `POST /maintenance/rotate-encryption-key` answers `{keyId, rewritten}`, `POST /maintenance/backup` answers `{path, bytes}`.
 * Secrets in a backup are encrypted; whoever restores it needs the key file as well, which is kept apart on purpose.
 */
export function maintenanceRoutes(options: MaintenanceOptions): RouteHandler[] {
  let running: string | undefined
  const alone = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    if (running) throw new ApiError('Conflict', `${running} is running; try again when it is done`)
    running = name
    try {
      return await work()
    } finally {
      running = undefined
    }
  }
  return [
    {
      method: 'POST',
      path: maintenancePaths.rotateEncryptionKey,
      handle: async () =>
        valueAnswer(
          200,
          await alone('a rotation of the encryption key', () =>
            rotateEncryptionKey(options.store, options.cipher, options.keyFile),
          ),
        ),
    },
    {
      method: 'POST',
      path: maintenancePaths.backup,
      handle: async () => valueAnswer(201, await alone('a backup', () => backUp(options))),
    },
  ]
}

async function backUp({
  store,
  backupDir,
  keepBackups = 10,
}: MaintenanceOptions): Promise<{ path: string; bytes: number }> {
  await makePrivateDirectory(backupDir)
  const path = join(backupDir, `store-${new Date().toISOString().replaceAll(/[:.]/g, '-')}.backup`)
  await store.backup(path)
  const backups = (await readdir(backupDir)).filter((name) => /^store-.*\.backup$/.test(name)).sort()
  for (const name of backups.slice(0, Math.max(0, backups.length - keepBackups)))
    await rm(join(backupDir, name), { force: true })
  return { path, bytes: (await stat(path)).size }
}
