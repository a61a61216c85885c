import type { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import type { Condition } from '@thresher/api/meta'
import { findCondition, isTrue } from '@thresher/client/conditions'
import { isRefusal } from '@thresher/client/refused-error'

/** Whether volumes can be made from an image, and why not. */
export type ImageState =
  | { state: 'ready' }
  | { state: 'importing'; message: string }
  | { state: 'failed'; message: string }

/** How far an image's import is, in a sentence that names it. */
export function imageState(key: string, image: VirtualMachineImage | undefined): ImageState {
  if (!image) return { state: 'failed', message: `the image ${key} does not exist; create it or choose another` }
  const conditions = (image.status?.conditions ?? []) as Condition[]
  if (isTrue(conditions, 'Imported')) return { state: 'ready' }
  const limit = findCondition(conditions, 'RetryLimitExceeded')
  if (limit?.status === 'True') {
    const why = limit.message || findCondition(conditions, 'Imported')?.message || 'its import failed'
    return { state: 'failed', message: `the image ${key} cannot be used: ${why}` }
  }
  const refused = findCondition(conditions, 'Synchronized')
  if (isRefusal(refused)) return { state: 'failed', message: `the image ${key} waits: ${refused.message}` }
  return { state: 'importing', message: `the image ${key} is being imported, ${image.status?.progress ?? 0} % done` }
}
