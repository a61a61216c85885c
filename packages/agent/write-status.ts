import { isReason } from '@thresher/api/error'
import type { KubeObject } from '@thresher/api/meta'
import type { ResourceClient } from '@thresher/client/client'

/**
 * Write a status that others write too: on a conflict, judge the newer object.
 *
 * @param next the status that an object should have; undefined to leave it
 * @returns the object as written; undefined when nothing was to change, or it is gone
 * @throws {ApiError}
 */
export async function writeStatus<O extends KubeObject & { status?: unknown }>(
  resource: ResourceClient<O>,
  object: O,
  next: (object: O) => O['status'] | undefined,
): Promise<O | undefined> {
  let current = object
  for (let tries = 0; ; tries++) {
    const status = next(current)
    if (status === undefined || JSON.stringify(status) === JSON.stringify(current.status)) return undefined
    try {
      return await resource.updateStatus({ ...current, status })
    } catch (error) {
      if (isReason(error, 'NotFound')) return undefined
      if (!isReason(error, 'Conflict') || tries >= 5) throw error
      const { name = '', namespace, uid } = current.metadata
      try {
        current = await resource.get(name, namespace)
      } catch (missing) {
        if (isReason(missing, 'NotFound')) return undefined
        throw missing
      }
      if (current.metadata.uid !== uid) return undefined
    }
  }
}
