import { Namespace } from '@thresher/api/core/namespace'
import { DamagedError } from '@thresher/backup/format/damaged-error'
import { ObjectError } from '@thresher/backup/objects/object-store'
import { WrongKeyError } from '@thresher/backup/repository/repository'
import type { Client } from '@thresher/client/client'
import type { Controller } from '@thresher/client/controller'
import { DriverError } from '../storage/volume-driver.ts'
import type { RestoreRequest } from '../storage/volumes.ts'
import { backupJobController, type BackupControlOptions } from './backup-jobs.ts'
import { openRepository } from './repository.ts'
import { fillFromBackup, parseDiskAddress } from './restore-disk.ts'

/** Backups of one host's machines: brought to the target, and volumes made of them. */
export interface HostBackups {
  restore: (request: RestoreRequest) => Promise<void>
  controllers(): Controller[]
}

export function openBackups(options: BackupControlOptions): HostBackups {
  return {
    restore: (request) => restore(request, options.folder),
    controllers: () => [backupJobController(options)],
  }
}

async function restore({ client, claim, from, file, bytes, signal }: RestoreRequest, folder: string): Promise<void> {
  const address = parseDiskAddress(from)
  if (!address) throw new DriverError('Invalid', `${JSON.stringify(from.slice(0, 80))} is no <backup>/<disk>`)
  try {
    await using open = await openRepository(client, folder, signal)
    const owner = { namespace: claim.metadata.namespace ?? '', cluster: await clusterId(client) }
    await fillFromBackup(open.repository, address, owner, { file, bytes, folder, signal })
  } catch (error) {
    if (error instanceof DamagedError) throw new DriverError('Corrupt', error.message, { cause: error })
    if (error instanceof ObjectError || error instanceof WrongKeyError)
      throw new DriverError('CommandFailed', error.message, { cause: error })
    throw error
  }
}

/** What tells one cluster from another: the UID of its first namespace. */
async function clusterId(client: Client): Promise<string> {
  const { metadata } = await client.resource<Namespace>(Namespace).get('kube-system')
  return metadata.uid ?? ''
}
