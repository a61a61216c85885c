import { isReason } from '@thresher/api/error'
import { Setting } from '@thresher/api/harvester/setting'
import type { Client } from '@thresher/client/client'

/** A setting as it is now; undefined where it was never made, and so has its declared default. */
export async function readSetting(client: Client, name: string): Promise<Setting | undefined> {
  try {
    return await client.resource(Setting).get(name)
  } catch (error) {
    if (isReason(error, 'NotFound')) return undefined
    throw error
  }
}
