import type { BackupJob } from '@thresher/api/backup/backup-job'
import type { Manifest } from '@thresher/backup/format/manifest'
import { BackupWriter } from '@thresher/backup/repository/backup-writer'
import type { Repository } from '@thresher/backup/repository/repository'
import type { FileOwner } from '../storage/storage-folders.ts'
import type { OpenSnapshot, VolumeDriver } from '../storage/volume-driver.ts'
import { exportDisk, exportName } from './disk-export.ts'
import { ExportSource } from './export-source.ts'

export interface UploadOptions {
  driver: Pick<VolumeDriver, 'openSnapshot'>
  repository: Repository
  /** Below it the disks' sockets stand. */
  folder: string
  user: FileOwner
  signal: AbortSignal
  /** Told how many per cent are done. */
  onProgress: (percent: number) => void
}

type Disk = NonNullable<BackupJob['spec']['disks']>[number]

/** Bring a machine's disks, as their snapshots have them, to the target. */
export async function uploadMachine({ spec }: BackupJob, options: UploadOptions): Promise<Manifest> {
  const { driver, repository, signal } = options
  await using snapshots = new AsyncDisposableStack()
  const disks: { disk: Disk; open: OpenSnapshot }[] = []
  for (const disk of spec.disks ?? []) {
    const open = await driver.openSnapshot(disk.snapshotHandle, { since: disk.parentSnapshotHandle })
    disks.push({ disk, open: snapshots.use(open) })
  }
  const total = disks.reduce((sum, { open }) => sum + open.node.bytes, 0)
  // Whoever may write a backup's status could name another's there, whose data would come with the next restore.
  const isParent = ({ cluster, machine }: Manifest): boolean =>
    cluster.uid === spec.cluster?.uid && machine.uid === spec.machine?.uid
  const writer = await BackupWriter.begin(repository, spec.parent ? { parent: spec.parent, isParent } : {})
  try {
    let before = 0
    for (const { disk, open } of disks) {
      const from = before
      await uploadDisk(disk, open, writer, options, (done) => {
        options.onProgress(total === 0 ? 100 : Math.floor(((from + done) / total) * 100))
      })
      before += open.node.bytes
    }
    signal.throwIfAborted()
  } catch (error) {
    await writer.abandon()
    throw error
  }
  return writer.commit({
    cluster: { uid: spec.cluster?.uid ?? '', name: spec.cluster?.name ?? '' },
    machine: {
      namespace: spec.machine?.namespace ?? '',
      name: spec.machine?.name ?? '',
      uid: spec.machine?.uid ?? '',
    },
    time: spec.time ?? new Date().toISOString(),
    frozen: spec.frozen ?? false,
    objects: spec.objects ?? [],
  })
}

async function uploadDisk(
  disk: Disk,
  open: OpenSnapshot,
  writer: BackupWriter,
  { folder, user, signal }: UploadOptions,
  onProgress: (doneBytes: number) => void,
): Promise<void> {
  await using served = await exportDisk(open.node, { folder, user })
  const source = await ExportSource.connect(served.socket, exportName, open.newer)
  try {
    await writer.disk({ name: disk.name, source, signal, onProgress })
  } finally {
    source.close()
  }
}
