import type { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import { imageFileFinalizer, importNodeAnnotation } from '@thresher/api/names'

/** The next step for an image on this node. */
export type ImportStep =
  | { do: 'nothing' }
  /** Make sure that the image cannot go before its file. */
  | { do: 'hold' }
  /** Stop what is running, remove the file, let the image go. */
  | { do: 'remove' }
  /** A failed try rests. */
  | { do: 'wait'; ms: number }
  /** The file is complete; the status does not say so yet. */
  | { do: 'report'; virtualBytes: number }
  | { do: 'download'; url: string; checksum?: string }
  /** Nothing to do until somebody sends the file. */
  | { do: 'await-upload' }
  /** The file has been sent in full. */
  | { do: 'take-upload' }
  | { do: 'export'; claim: string }
  /** It will never work as it is. */
  | { do: 'fail'; reason: string; message: string }

/** What a decision about an image rests on. */
export interface ImportWorld {
  node: string
  image: VirtualMachineImage
  /** Size of the finished file, when there is one. */
  virtualBytes: number | undefined
  /** Whether a file has been sent in full. */
  uploaded: boolean
  /** Whether an import of this image is under way in this process. */
  running: boolean
  nowMs: number
}

/** Times between tries, in milliseconds. */
export interface RetryTimes {
  firstMs: number
  longestMs: number
  /** For what is not the source's fault, such as a full disk: these tries are not counted. */
  restMs: number
}

export const retryTimes: RetryTimes = { firstMs: 5_000, longestMs: 300_000, restMs: 60_000 }

/** Reasons of failures that pass without the image's author doing anything to the image. */
export const passingReasons: readonly string[] = ['NoSpace', 'InUse']

/** Decide about an image. No I/O, no clock. */
export function planImport(world: ImportWorld, times: RetryTimes = retryTimes): ImportStep {
  const { image, node, virtualBytes, running } = world
  const { annotations, finalizers = [], deletionTimestamp } = image.metadata
  const held = finalizers.includes(imageFileFinalizer)
  if (annotations?.[importNodeAnnotation] !== node) return { do: 'nothing' }
  if (deletionTimestamp) return held ? { do: 'remove' } : { do: 'nothing' }
  if (!held) return { do: 'hold' }
  if (running) return { do: 'nothing' }
  const imported = condition(image, 'Imported')
  if (virtualBytes !== undefined)
    return imported?.status === 'True' ? { do: 'nothing' } : { do: 'report', virtualBytes }
  if (condition(image, 'RetryLimitExceeded')?.status === 'True') return { do: 'nothing' }
  if (imported?.status === 'True')
    return {
      do: 'fail',
      reason: 'FileMissing',
      message: `the file of ${title(image)} is gone from ${node}; restore it from a backup, or delete the image and import it again`,
    }
  const rest = restMs(world, imported?.status === 'False' ? imported.reason : undefined, times)
  return rest > 0 ? { do: 'wait', ms: rest } : start(image, world.uploaded)
}

function start(image: VirtualMachineImage, uploaded: boolean): ImportStep {
  const { sourceType, url, checksum, pvcNamespace, pvcName } = image.spec
  switch (sourceType) {
    case 'download':
      return { do: 'download', url: url ?? '', ...(checksum ? { checksum } : {}) }
    case 'upload':
      return { do: uploaded ? 'take-upload' : 'await-upload' }
    case 'export-from-volume':
      return { do: 'export', claim: `${pvcNamespace}/${pvcName}` }
    default:
      return {
        do: 'fail',
        reason: 'Unsupported',
        message: `${title(image)} has the source type ${sourceType}, which local storage cannot import; use download, upload or export-from-volume`,
      }
  }
}

/** How long a failed import still rests. */
function restMs({ image, nowMs }: ImportWorld, reason: string | undefined, times: RetryTimes): number {
  const { lastFailedTime, failed = 0 } = image.status ?? {}
  if (!lastFailedTime) return 0
  const pause =
    reason !== undefined && passingReasons.includes(reason)
      ? times.restMs
      : Math.min(times.firstMs * 2 ** Math.max(0, failed - 1), times.longestMs)
  const left = Date.parse(lastFailedTime) + pause - nowMs
  // A clock that was set back must not make it rest for ever.
  return Number.isNaN(left) ? 0 : Math.min(Math.max(left, 0), pause)
}

function condition(image: VirtualMachineImage, type: string) {
  return image.status?.conditions?.find((one) => one.type === type)
}

/** How messages name an image. */
export function title(image: VirtualMachineImage): string {
  return `the image ${image.metadata.namespace}/${image.metadata.name}`
}
