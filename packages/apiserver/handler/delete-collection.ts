import { isReason } from '@thresher/api/error'
import type { Entry } from '../entry.ts'
import type { Resource } from '../registry.ts'
import type { ResourceCall } from '../request.ts'
import type { Context } from './context.ts'
import { deleteObject, type DeleteOptions } from './delete.ts'
import { listObjects, type ListResult } from './list.ts'

/** Deletions under way at once; their commits share disk flushes. */
const AT_ONCE = 32

/** DELETE of a collection: all that the query selects. @returns what was selected */
export async function deleteCollection(
  context: Context,
  resource: Resource,
  call: ResourceCall,
  options: DeleteOptions,
): Promise<ListResult> {
  const list = await listObjects(context, resource, call)
  const pending = list.entries[Symbol.iterator]()
  const work = async () => {
    for (const entry of pending) await deleteOne(context, resource, call, entry, options)
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, list.entries.length) }, work))
  return list
}

async function deleteOne(
  context: Context,
  resource: Resource,
  call: ResourceCall,
  entry: Entry,
  options: DeleteOptions,
): Promise<void> {
  const one = { ...call, info: { ...call.info, namespace: entry.namespace, name: entry.name } }
  try {
    await deleteObject(context, resource, one, options)
  } catch (error) {
    // Someone else was quicker.
    if (!isReason(error, 'NotFound')) throw error
  }
}
