import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { BackupJob } from '@thresher/api/backup/backup-job'
import { Secret } from '@thresher/api/core/secret'
import { isReason } from '@thresher/api/error'
import { Setting } from '@thresher/api/harvester/setting'
import { effectiveJson } from '@thresher/api/harvester/settings/value'
import { backupKeyField, backupKeySecret, nodeLabel, systemNamespace } from '@thresher/api/names'
import { RepositoryKey } from '@thresher/backup/format/repository-key'
import { Repository } from '@thresher/backup/repository/repository'
import { defineController, type Context, type Controller, type Result } from '@thresher/client/controller'
import type { Client } from '@thresher/client/client'
import { Informer } from '@thresher/client/informer'
import { noSubject } from '@thresher/client/subject'
import type { FileOwner } from '../storage/storage-folders.ts'
import type { VolumeDriver } from '../storage/volume-driver.ts'
import { openTarget, type BackupTarget } from './target.ts'
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

/** A repository that a job works on. */
export interface OpenRepository extends AsyncDisposable {
  repository: Repository
  target: BackupTarget
}

/** Open the cluster's repository, or make it. @throws {ObjectError} @throws {WrongKeyError} */
export async function openRepository(client: Client, folder: string, signal: AbortSignal): Promise<OpenRepository> {
  const setting = await client.resource<Setting>(Setting).get('backup-target').catch(ifMissing)
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

function ifMissing(error: unknown): undefined {
  if (!isReason(error, 'NotFound')) throw error
}

/** Does the work at the backup target that this node is given. */
export function backupJobController(options: BackupControlOptions): Controller {
  let jobs: Informer<BackupJob> | undefined
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
    reconcile: (key, context) => reconcile(key, context, options, (name) => jobs?.get(name)),
  })
}

async function reconcile(
  key: string,
  context: Context,
  options: BackupControlOptions,
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
  if (job.spec.action === 'delete') {
    await repository.deleteManifest(job.spec.manifest ?? '')
    return { done: true }
  }
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
