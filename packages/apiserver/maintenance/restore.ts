import { DatabaseSync } from 'node:sqlite'
import { ensureKeyFile } from '../encryption/key-file.ts'
import { ValueCipher } from '../encryption/value-cipher.ts'
import { restoreSqlite } from '../store/sqlite.ts'

/**
 * Put a backup in the place of a stopped server's store, once it is sure that every secret in it can be read with the keys there.
 *
 * @throws {Error} when a secret was encrypted with a key that is not in the key file; nothing is changed then
 */
export async function restoreStore(
  backupPath: string,
  storePath: string,
  keyFile: string,
): Promise<{ objects: number; secrets: number }> {
  const counted = countReadable(backupPath, new ValueCipher(await ensureKeyFile(keyFile)))
  await restoreSqlite(backupPath, storePath)
  return counted
}

function countReadable(backupPath: string, cipher: ValueCipher): { objects: number; secrets: number } {
  const database = new DatabaseSync(backupPath, { readOnly: true })
  try {
    const rows = database
      .prepare('SELECT l.key, l.value FROM current c JOIN log l ON l.revision = c.revision')
      .iterate() as Iterable<{ key: string; value: Uint8Array }>
    let objects = 0
    let secrets = 0
    for (const { key, value } of rows) {
      objects += 1
      if (cipher.fromStore(key, value) !== value) secrets += 1
    }
    return { objects, secrets }
  } finally {
    database.close()
  }
}
