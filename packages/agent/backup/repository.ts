import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Secret } from '@thresher/api/core/secret'
import { effectiveJson } from '@thresher/api/harvester/settings/value'
import { backupKeyField, backupKeySecret, systemNamespace } from '@thresher/api/names'
import { RepositoryKey } from '@thresher/backup/format/repository-key'
import { Repository } from '@thresher/backup/repository/repository'
import type { Client } from '@thresher/client/client'
import { readSetting } from '../read-setting.ts'
import { openTarget, type BackupTarget } from './target.ts'

/** The cluster's repository, open; disposing of it closes its connections. */
export interface OpenRepository extends AsyncDisposable {
  repository: Repository
  target: BackupTarget
}

/** Open the cluster's repository, or make it. @throws {ObjectError} @throws {WrongKeyError} */
export async function openRepository(client: Client, folder: string, signal: AbortSignal): Promise<OpenRepository> {
  const setting = await readSetting(client, 'backup-target')
  const secret = await client.resource<Secret>(Secret).get(backupKeySecret, systemNamespace)
  const key = RepositoryKey.parse(Buffer.from(secret.data?.[backupKeyField] ?? '', 'base64').toString())
  const target = effectiveJson('backup-target', setting) as BackupTarget
  mkdirSync(folder, { recursive: true, mode: 0o711 })
  const open = await openTarget(target, join(folder, 'exports'), signal)
  try {
    return {
      repository: await Repository.ensure(open.store, key),
      target,
      [Symbol.asyncDispose]: () => open[Symbol.asyncDispose](),
    }
  } catch (error) {
    await open[Symbol.asyncDispose]()
    throw error
  }
}
