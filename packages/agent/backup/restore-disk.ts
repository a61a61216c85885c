import { isOf, type ManifestOwner } from '@thresher/backup/format/manifest'
import { DiskReader } from '@thresher/backup/repository/disk-reader'
import type { Repository } from '@thresher/backup/repository/repository'
import { restoreDisk } from '@thresher/backup/repository/restore'
import { layerNodes } from '../storage/block-node.ts'
import { DriverError } from '../storage/volume-driver.ts'
import { exportDisk, exportName } from './disk-export.ts'
import { allocation } from './export-source.ts'
import { NbdClient } from './nbd-client.ts'

/** A disk of a backup, as a claim names it. */
export interface DiskAddress {
  manifest: string
  disk: string
}

/** @returns undefined for what is no address */
export function parseDiskAddress(text: string): DiskAddress | undefined {
  const [, manifest, disk] = /^([0-9a-f-]{36})\/([^/]+)$/.exec(text) ?? []
  return manifest && disk ? { manifest, disk } : undefined
}

/**
 * Write a disk of a backup into a file.
 *
 * @throws {DriverError} `NotFound`, `Refused` when the backup is of another namespace's machine, `TooSmall`, `Corrupt`
 */
export async function fillFromBackup(
  repository: Repository,
  { manifest: uid, disk: name }: DiskAddress,
  owner: ManifestOwner,
  { file, bytes, folder, signal }: { file: string; bytes: number; folder: string; signal: AbortSignal },
): Promise<void> {
  const manifest = await repository.getManifest(uid)
  const disk = manifest?.disks.find((one) => one.name === name)
  if (!manifest || !disk)
    throw new DriverError('NotFound', `the backup target has no disk ${name} of a backup ${uid}; choose another backup`)
  if (!isOf(manifest, owner))
    throw new DriverError('Refused', `the backup ${uid} is not of a machine of the namespace ${owner.namespace}`)
  if (disk.bytes > bytes)
    throw new DriverError('TooSmall', `the disk ${name} of the backup has ${disk.bytes} bytes; ask for as many`)
  const access = { direct: false, aio: 'threads' } as const
  const node = {
    nodeName: 'restore',
    blockdevs: layerNodes(file, 'restore', null, access, 'write').toReversed(),
    files: [],
    bytes,
  }
  // The file is root's and new; of the programs that write it none has any privilege.
  await using served = await exportDisk(node, { folder, user: { uid: 0, gid: 0 }, writable: true })
  const client = await NbdClient.connect(served.socket, exportName, [allocation])
  try {
    await restoreDisk(new DiskReader(repository, disk), client, { signal })
    await client.flush()
  } finally {
    client.close()
  }
}
