import { join } from 'node:path'
import { restoreStore } from '@thresher/apiserver/maintenance/restore'

/**
 * Put a backup in the place of a stopped server's objects.
 *
 * @param dataDir the server's own folder
 * @returns how many objects it holds, and how many of them are encrypted
 * @throws {Error} when a secret cannot be read with the keys that are there; nothing is changed then
 */
export function restoreServer(dataDir: string, backup: string): Promise<{ objects: number; secrets: number }> {
  return restoreStore(backup, join(dataDir, 'store.db'), join(dataDir, 'encryption.key'))
}
