import { mkdirSync } from 'node:fs'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Folder } from '@thresher/backup/objects/folder'
import { ObjectError, type ObjectStore } from '@thresher/backup/objects/object-store'
import { S3Bucket } from '@thresher/backup/objects/s3'

const run = promisify(execFile)
/** Where in a bucket or an export a repository stands. */
const prefix = 'thresher'
const mountMs = 30_000

/** The value of the setting `backup-target`. @see Harvester's `settings.BackupTarget` */
export interface BackupTarget {
  type?: string
  endpoint?: string
  accessKeyId?: string
  secretAccessKey?: string
  bucketName?: string
  bucketRegion?: string
  cert?: string
  virtualHostedStyle?: boolean
}

/** A target's objects; disposing of it closes its connections. */
export interface OpenTarget extends AsyncDisposable {
  store: ObjectStore
}

/**
 * Open what the setting names.
 *
 * @param folder below which exports are mounted
 * @throws {ObjectError} `Missing` when none is set
 */
export async function openTarget(target: BackupTarget, folder: string, signal: AbortSignal): Promise<OpenTarget> {
  if (target.type === 's3') {
    const bucket = new S3Bucket(
      {
        endpoint: target.endpoint,
        region: target.bucketRegion ?? '',
        bucket: target.bucketName ?? '',
        accessKeyId: target.accessKeyId ?? '',
        secretAccessKey: target.secretAccessKey ?? '',
        virtualHostedStyle: target.virtualHostedStyle,
        ca: target.cert || undefined,
      },
      prefix,
      signal,
    )
    return { store: bucket, [Symbol.asyncDispose]: () => Promise.resolve(bucket.close()) }
  }
  if (target.type === 'nfs') {
    const mounted = await mountExport(target.endpoint ?? '', folder)
    const root = join(mounted, prefix)
    // Only below what was mounted just now: a share that is away is not made anew on this host's own disk.
    mkdirSync(root, { recursive: true, mode: 0o700 })
    return { store: new Folder(root), [Symbol.asyncDispose]: () => Promise.resolve() }
  }
  throw new ObjectError('Missing', 'there is no backup target; set backup-target to an S3 bucket or an NFS export')
}

/** An NFS export, such as `nfs://10.0.0.1:/backups?nfsOptions=vers=4.1`, mounted by the kernel and left so. */
async function mountExport(endpoint: string, folder: string): Promise<string> {
  const [, host, path, query] = /^nfs:\/\/(\[[0-9a-fA-F:]+\]|[^/:?]+):?(\/[^?]*)(?:\?(.*))?$/.exec(endpoint) ?? []
  if (!host || !path)
    throw new ObjectError('Failed', `${endpoint} is no NFS export; write it as nfs://server:/path in backup-target`)
  const at = join(folder, createHash('sha256').update(endpoint).digest('hex').slice(0, 16))
  mkdirSync(at, { recursive: true, mode: 0o700 })
  if (await isMounted(at)) return at
  const more = new URLSearchParams(query).get('nfsOptions')
  const options = ['soft', 'timeo=300', 'retrans=5', 'noexec', 'nosuid', 'nodev', ...(more ? [more] : [])].join(',')
  try {
    await run('mount', ['-t', 'nfs', '-o', options, '--', `${host}:${path}`, at], { timeout: mountMs })
    return at
  } catch (error) {
    const words = (error as { stderr?: string }).stderr?.trim().split('\n').at(-1) ?? (error as Error).message
    throw new ObjectError(
      'Unreachable',
      `the NFS export ${endpoint} cannot be mounted: ${words || 'mount said nothing'}; check that nfs-common is installed and the server exports it to this host`,
      { cause: error },
    )
  }
}

async function isMounted(folder: string): Promise<boolean> {
  return run('mountpoint', ['-q', folder]).then(
    () => true,
    () => false,
  )
}
