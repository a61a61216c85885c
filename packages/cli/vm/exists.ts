import { isReason } from '@thresher/api/error'

/** Whether an object exists. */
export async function exists(read: Promise<unknown>): Promise<boolean> {
  try {
    await read
    return true
  } catch (error) {
    if (isReason(error, 'NotFound')) return false
    throw error
  }
}
