import type { BackupJob } from '@thresher/api/backup/backup-job'
import { manifestOf, type VirtualMachineBackup } from '@thresher/api/harvester/virtual-machine-backup'
import { nodeLabel, snapshotNodeAnnotation } from '@thresher/api/names'
import type { VolumeSnapshotContent } from '@thresher/api/snapshot/volume-snapshot-content'

type Status = NonNullable<VirtualMachineBackup['status']>
type Job = Pick<BackupJob, 'metadata' | 'spec'> & { apiVersion: string; kind: string }

/** What an upload rests on. */
export interface UploadWorld {
  backup: VirtualMachineBackup
  cluster: { uid: string; name: string }
  /** Of one of the backup's snapshots. */
  content(snapshot: string): VolumeSnapshotContent | undefined
  /** Finished backups of the same machine at the target, newest first, with what is left of their snapshots. */
  earlier: readonly VirtualMachineBackup[]
  contentOf: (backup: VirtualMachineBackup, snapshot: string) => VolumeSnapshotContent | undefined
}

export function jobNameOf({ metadata }: VirtualMachineBackup, action: BackupJob['spec']['action']): string {
  return `${action}-${metadata.uid}`
}

/** The UID of the backup that a job is for, by {@link jobNameOf}. */
export function backupUidOf(job: string): string {
  return job.slice(job.indexOf('-') + 1)
}

/**
 * The work of bringing a backup to the target, once its snapshots are taken: as an increment to the newest backup whose snapshots
 * still stand on the same node. Pure.
 *
 * @returns why it cannot be, as a sentence
 */
export function uploadJob(world: UploadWorld): Job | string {
  const { backup } = world
  const { metadata, status } = backup
  const volumes = status?.volumeBackups ?? []
  const contents = volumes.map(({ name = '' }) => world.content(name))
  const nodes = new Set(contents.map((one) => one?.metadata.annotations?.[snapshotNodeAnnotation] ?? ''))
  const [node] = nodes
  if (nodes.size > 1 || !node)
    return 'the disks of the machine lie on several hosts, which cannot be brought to the target together; move them to one'
  const parent = parentOf(world, node)
  const parentHandle = (volumeName: string | undefined): string | undefined => {
    const before = parent?.status?.volumeBackups?.find((one) => one.volumeName === volumeName)
    return parent && before && world.contentOf(parent, before.name ?? '')?.status?.snapshotHandle
  }
  return {
    apiVersion: 'backup.thresher.io/v1',
    kind: 'BackupJob',
    metadata: { name: jobNameOf(backup, 'upload'), labels: { [nodeLabel]: node } },
    spec: {
      node,
      action: 'upload',
      cluster: world.cluster,
      machine: { namespace: metadata.namespace ?? '', name: backup.spec.source.name, uid: status?.sourceUID ?? '' },
      time: status?.creationTime,
      ...(parent ? { parent: manifestOf(parent) } : {}),
      disks: volumes.map(({ volumeName = '' }, index) => {
        const before = parentHandle(volumeName)
        return {
          name: volumeName,
          snapshotHandle: contents[index]?.status?.snapshotHandle ?? '',
          ...(before ? { parentSnapshotHandle: before } : {}),
        }
      }),
      objects: objectsOf(backup),
    },
  }
}

function parentOf({ earlier, contentOf }: UploadWorld, node: string): VirtualMachineBackup | undefined {
  return earlier.find((one) =>
    (one.status?.volumeBackups ?? []).some(
      ({ name = '' }) => contentOf(one, name)?.metadata.annotations?.[snapshotNodeAnnotation] === node,
    ),
  )
}

/** What the machine is made of again where nothing of it is known: its declaration, and its claims'. */
function objectsOf({ metadata, status }: VirtualMachineBackup): Record<string, unknown>[] {
  const claims = (status?.volumeBackups ?? []).map(({ persistentVolumeClaim }) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    ...persistentVolumeClaim,
  }))
  const machine = { apiVersion: 'kubevirt.io/v1', kind: 'VirtualMachine', ...status?.source }
  const backup = {
    apiVersion: 'harvesterhci.io/v1beta1',
    kind: 'VirtualMachineBackup',
    metadata: { name: metadata.name },
  }
  return [machine, ...claims, backup]
}

/** The work of deleting a backup at the target; on the node that brought it there, or that the machine is on. Pure. */
export function deletionJob(
  backup: VirtualMachineBackup,
  cluster: { uid: string; name: string },
  manifest: string,
  node: string,
): Job {
  return {
    apiVersion: 'backup.thresher.io/v1',
    kind: 'BackupJob',
    metadata: { name: jobNameOf(backup, 'delete'), labels: { [nodeLabel]: node } },
    spec: {
      node,
      action: 'delete',
      manifest,
      cluster,
      machine: { namespace: backup.metadata.namespace ?? '', name: backup.spec.source.name },
    },
  }
}

/** How a backup fares, whose snapshots are taken, by the work of bringing it to the target. Pure. */
export function followUpload(taken: Status, job: BackupJob | undefined, now: string): Status {
  const { done = false, progress = 0, manifest, message, endpoint, bucketName, bucketRegion } = job?.status ?? {}
  return {
    ...taken,
    readyToUse: done,
    progress: done ? 100 : progress,
    volumeBackups: taken.volumeBackups?.map((one) => ({
      ...one,
      readyToUse: done,
      progress: done ? 100 : progress,
      ...(manifest ? { longhornBackupName: manifest } : {}),
    })),
    ...(done ? { backupTarget: { endpoint, bucketName, bucketRegion } } : {}),
    error: message && !done ? { message, time: taken.error?.message === message ? taken.error.time : now } : undefined,
  }
}
