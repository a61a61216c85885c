import { chmod, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { convertImage, inspectImage, type Conversion } from './convert.ts'
import type { Egress } from '@thresher/client/node/egress/egress'
import { DownloadError } from './download-error.ts'
import { download, type DownloadLimits, type HashName } from './download.ts'
import type { ImageFiles } from './image-files.ts'
import { qemuImg } from './qemu-img.ts'
import type { FileOwner } from './storage-folders.ts'
import { unwrap } from './unwrap.ts'
import type { Uploads } from './uploads.ts'
import { DriverError, type ImageId, type VolumeDriver, type VolumeId } from './volume-driver.ts'

/** Where an image's bytes come from. */
export type ImageSource =
  | { kind: 'download'; url: string }
  /** A file that somebody has sent in full. */
  | { kind: 'upload' }
  /** A volume of this host, as it is now, with the image below it folded in. */
  | { kind: 'volume'; volume: VolumeId }

/** One import. */
export interface ImageImport {
  id: ImageId
  /** What messages name: `image default/debian`. */
  subject: string
  source: ImageSource
  /** SHA-512 or SHA-256 in hex that the given file must have. */
  checksum?: string
  /** Called with 0 to 99 as it goes on. */
  onProgress?: (percent: number) => void
  signal?: AbortSignal
}

/** What came in. */
export interface ImportedImage {
  /** Of the file as it was given. */
  sizeBytes: number
  /** What a guest sees. */
  virtualBytes: number
}

/** What all imports of a host share. */
export interface Importing {
  files: ImageFiles
  uploads: Uploads
  driver: VolumeDriver
  /** The user that looks into files from outside; Debian's `nobody` unless given. */
  worker?: FileOwner
  /** Whether files can be written past the page cache. */
  direct: boolean
  limits?: Partial<DownloadLimits>
  /** Which addresses may be downloaded from, as the cluster's setting says now; asked at each download. */
  egress?: () => Promise<Egress>
  /** Bytes that an import must leave free on the disk; 256 MiB unless given. */
  reserveBytes?: number
}

const nobody: FileOwner = { uid: 65534, gid: 65534 }
const defaultReserveBytes = 256 * 1024 * 1024
/** The rest of the progress is the conversion's. */
const fetchShare = 80

/**
 * Fetch, check and convert one image. What was fetched is kept when the connection or this process fails, so that the
 * next call goes on there, and thrown away when its content is wrong.
 *
 * @throws {DownloadError} or {DriverError}: `Refused`, `Corrupt`, `NoSpace`, `InUse`, `NotFound`, `CommandFailed`; the
 *   signal's reason when aborted
 */
export async function importImage(shared: Importing, work: ImageImport): Promise<ImportedImage> {
  const worker = workerOf(shared)
  const folder = await shared.files.beginImport(work.id, worker)
  try {
    if (work.source.kind === 'volume') return await exportVolume(shared, work, work.source.volume, folder)
    const source = join(folder, 'source')
    const fetched = await fetchSource(shared, work, work.source, source)
    checkSum(work, fetched.digest)
    await chmod(source, 0o644)
    const virtualBytes = await convertSource(shared, work, folder)
    await shared.files.settle(work.id, join(folder, 'out/image.qcow2'))
    return { sizeBytes: fetched.bytes, virtualBytes }
  } catch (error) {
    await rm(join(folder, 'out'), { recursive: true, force: true })
    const worthKeeping = work.signal?.aborted || (error instanceof DownloadError && error.reason !== 'NoSpace')
    if (!worthKeeping) await shared.files.discardImport(work.id)
    throw error
  }
}

async function fetchSource(
  shared: Importing,
  work: ImageImport,
  source: Exclude<ImageSource, { kind: 'volume' }>,
  path: string,
): Promise<{ bytes: number; digest?: string }> {
  const { signal } = work
  const hash = work.checksum === undefined ? undefined : hashOf(work.checksum)
  const { limits, reserveBytes = defaultReserveBytes } = shared
  const onProgress = (done: number, total: number | undefined) => {
    if (total) work.onProgress?.(Math.floor((Math.min(done, total) / total) * fetchShare))
  }
  if (source.kind === 'download') {
    const egress = await shared.egress?.()
    return download({ url: source.url, path, hash, reserveBytes, limits, egress, onProgress, signal })
  }
  const { receivedBytes } = await shared.uploads.state(work.id)
  return { bytes: receivedBytes, digest: hash && (await shared.uploads.digest(work.id, hash)) }
}

/** Which digest a checksum is, by its length. */
function hashOf(checksum: string): HashName {
  return checksum.length === 64 ? 'sha256' : 'sha512'
}

function checkSum({ checksum, subject }: ImageImport, found: string | undefined): void {
  if (!checksum || checksum.toLowerCase() === found) return
  throw new DriverError(
    'Corrupt',
    `${subject} has the ${hashOf(checksum) === 'sha256' ? 'SHA-256' : 'SHA-512'} sum ${found?.slice(0, 16)}…, spec.checksum says ${checksum.slice(0, 16)}…; correct one of them`,
  )
}

/** The user that looks into files from outside. */
export function workerOf({ worker = nobody }: Pick<Importing, 'worker'>): FileOwner {
  return worker
}

/**
 * Unwrap and convert the file `source` of an import's folder to `out/image.qcow2` there, by programs that can reach nothing else.
 *
 * @returns the size that a guest sees @throws {DriverError} as {@link importImage}
 */
export async function convertSource(
  shared: Importing,
  work: Pick<ImageImport, 'subject' | 'signal' | 'onProgress'>,
  folder: string,
): Promise<number> {
  const { subject, signal, onProgress } = work
  const user = workerOf(shared)
  const confined = async () => {
    const { freeBytes } = await shared.driver.room()
    return { user, fileBytes: freeBytes - (shared.reserveBytes ?? defaultReserveBytes) }
  }
  const disk = await unwrap({ folder, from: 'source', subject, confinement: await confined(), signal })
  const conversion: Conversion = {
    folder,
    ...disk,
    to: 'out/image.qcow2',
    subject,
    confinement: await confined(),
    direct: shared.direct,
    signal,
    onProgress: (percent) => onProgress?.(fetchShare + Math.floor((percent * (99 - fetchShare)) / 100)),
  }
  const virtualBytes = await inspectImage(conversion)
  await convertImage(conversion)
  return virtualBytes
}

/** As the volume is now, whether a guest writes it or not. Its files are our own, so they need no confinement. */
async function exportVolume(
  { driver, files }: Importing,
  { id, subject, signal }: ImageImport,
  volume: VolumeId,
  folder: string,
): Promise<ImportedImage> {
  if (!(await driver.inspect(volume)))
    throw new DriverError('NotFound', `${subject}: volume ${volume} is not on this host`)
  await using frozen = await driver.freeze(volume)
  await files.checkRoom(frozen.allocatedBytes + defaultReserveBytes, subject)
  const out = join(folder, 'out/image.qcow2')
  const shape = ['-O', 'qcow2', '-o', 'cluster_size=128k', '-W', '-m', '8']
  await qemuImg(['convert', '-q', '-f', 'qcow2', ...shape, frozen.path, out], subject, { signal })
  const { size } = await stat(out)
  await files.settle(id, out)
  return { sizeBytes: size, virtualBytes: frozen.bytes }
}
