import { BackupJob } from '@thresher/api/backup/backup-job'
import { isReason } from '@thresher/api/error'
import { nodeLabel } from '@thresher/api/names'
import { DamagedError } from '@thresher/backup/format/damaged-error'
import { isOf, type Manifest } from '@thresher/backup/format/manifest'
import type { Repository } from '@thresher/backup/repository/repository'
import { verifyBackup } from '@thresher/backup/repository/verify'
import { defineController, type Context, type Controller, type Result } from '@thresher/client/controller'
import { Informer } from '@thresher/client/informer'
import { noSubject } from '@thresher/client/subject'
import type { FileOwner } from '../storage/storage-folders.ts'
import type { VolumeDriver } from '../storage/volume-driver.ts'
import { Pruning } from './pruning.ts'
import { openRepository, type OpenRepository } from './repository.ts'
import type { BackupTarget } from './target.ts'
import { uploadMachine } from './upload.ts'

export interface BackupControlOptions {
  /** The name of this agent's Node. */
  node: string
  driver: VolumeDriver
  /** For sockets and mounts, in the agent's run folder. */
  folder: string
  /** As whom disks are read. */
  user: FileOwner
}

type Status = NonNullable<BackupJob['status']>

const againMs = 30_000
/** The pace of what is said of progress. */
const progressMs = 2000
/** Damaged places that are named; more are of one cause. */
const mostDamages = 20

/** Does the work at the backup target that this node is given. */
export function backupJobController(options: BackupControlOptions): Controller {
  let jobs: Informer<BackupJob> | undefined
  const pruning = new Pruning(options.folder)
  return defineController({
    name: 'backup-job',
    subject: noSubject,
    watches: [],
    workers: 2,
    sources: [
      (wake, { client, signal, log }) => {
        jobs = new Informer(client.resource<BackupJob>(BackupJob), {
          labelSelector: `${nodeLabel}=${options.node}`,
          onError: (error) => log('warn', `cannot watch backupjobs: ${(error as Error).message}`),
        })
        jobs.onChange(({ object }) => wake(object.metadata.name ?? ''))
        void jobs.run(signal)
      },
    ],
    reconcile: (key, context) => reconcile(key, context, { ...options, pruning }, (name) => jobs?.get(name)),
  })
}

async function reconcile(
  key: string,
  context: Context,
  { pruning, ...options }: BackupControlOptions & { pruning: Pruning },
  find: (name: string) => BackupJob | undefined,
): Promise<Result | void> {
  const job = find(key)
  if (!job || job.metadata.deletionTimestamp || job.status?.done) return
  const report = reporter(job, context)
  // A job that is deleted is given up.
  const cancel = new AbortController()
  const signal = AbortSignal.any([context.signal, cancel.signal])
  const watchCancelled = setInterval(() => {
    if (!find(key)) cancel.abort(new Error('the backup was deleted'))
  }, progressMs)
  try {
    await using open = await openRepository(context.client, options.folder, signal)
    await report(await work(job, open, { ...options, signal, report }))
    if (job.spec.action === 'delete') pruning.start(context)
  } catch (error) {
    context.signal.throwIfAborted()
    if (!find(key)) return
    await report({ message: (error as Error).message })
    return { afterMs: againMs }
  } finally {
    clearInterval(watchCancelled)
  }
}

async function work(
  job: BackupJob,
  { repository, target }: OpenRepository,
  options: BackupControlOptions & { signal: AbortSignal; report: (status: Status) => Promise<void> },
): Promise<Status> {
  switch (job.spec.action) {
    case 'delete':
      return deleteBackup(job, repository)
    case 'verify':
      return verify(repository, job.spec.manifest ?? '', options.signal)
    case 'upload':
      return upload(job, repository, target, options)
  }
}

/** Of a machine of the namespace that asks, and no other's, whatever the status of a backup names. */
async function deleteBackup({ spec }: BackupJob, repository: Repository): Promise<Status> {
  const uid = spec.manifest ?? ''
  let manifest: Manifest | undefined
  try {
    manifest = await repository.getManifest(uid)
  } catch (error) {
    // Whose it was cannot be told any more; its object goes all the same.
    if (error instanceof DamagedError) return { done: true, message: `the backup ${uid} was left: ${error.message}` }
    throw error
  }
  const owner = { cluster: spec.cluster?.uid ?? '', namespace: spec.machine?.namespace ?? '' }
  if (manifest && !isOf(manifest, owner))
    return { done: true, message: `the backup ${uid} is of another namespace, and was left` }
  await repository.deleteManifest(uid)
  return { done: true }
}

/** Read back all that a backup needs. */
async function verify(repository: Repository, uid: string, signal: AbortSignal): Promise<Status> {
  const manifest = await repository.getManifest(uid)
  if (!manifest) return { done: true, damages: [`the backup ${uid} is not at the target`] }
  const damages = await verifyBackup(repository, manifest, undefined, signal)
  return {
    done: true,
    damages: damages
      .slice(0, mostDamages)
      .map(
        ({ disk, offset, message }) =>
          `the disk ${disk}${offset === undefined ? '' : ` at byte ${offset}`}: ${message}`,
      ),
  }
}

async function upload(
  job: BackupJob,
  repository: Repository,
  target: BackupTarget,
  options: BackupControlOptions & { signal: AbortSignal; report: (status: Status) => Promise<void> },
): Promise<Status> {
  let reported = { at: performance.now(), percent: -1 }
  const { uid, cost } = await uploadMachine(job, {
    ...options,
    repository,
    onProgress: (percent) => {
      if (percent <= reported.percent || performance.now() - reported.at < progressMs) return
      reported = { at: performance.now(), percent }
      void options.report({ progress: percent }).catch(() => {})
    },
  })
  return {
    done: true,
    progress: 100,
    manifest: uid,
    endpoint: target.endpoint ?? '',
    bucketName: target.bucketName ?? '',
    bucketRegion: target.bucketRegion ?? '',
    ...cost,
  }
}

/** Writes what there is to say, one after the other; a patch, so that nothing has to be read before. */
function reporter({ metadata }: BackupJob, { client }: Context): (status: Status) => Promise<void> {
  const jobs = client.resource<BackupJob>(BackupJob)
  let last: Promise<unknown> = Promise.resolve()
  return async (status) => {
    const patch = { status: { message: null, ...status } }
    const next = last.then(() => jobs.patch(metadata.name ?? '', undefined, patch, 'merge', { subresource: 'status' }))
    last = next.catch(() => {})
    await next.catch(ifMissing)
  }
}

function ifMissing(error: unknown): undefined {
  if (!isReason(error, 'NotFound')) throw error
}
