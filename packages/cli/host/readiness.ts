import { Node } from '@thresher/api/core/node'
import { isReason } from '@thresher/api/error'
import type { Client } from '@thresher/client/client'

/** Whether a node says of itself that it is ready; false while it is not there yet. */
export async function nodeReady(client: Client, name: string): Promise<boolean> {
  try {
    const node = await client.resource(Node).get(name)
    return node.status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') ?? false
  } catch (error) {
    if (isReason(error, 'NotFound')) return false
    throw error
  }
}
