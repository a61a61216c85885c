import { bareWordsOf } from '@thresher/api/bare-words'
import { isReason } from '@thresher/api/error'
import type { KubeObject } from '@thresher/api/meta'
import type { Client } from './client.ts'
import { discoverKinds } from './discovery.ts'

/** The texts of runtimes and libraries that a server's conditions and events show by now: to be asked when a test of faults is over. */
export async function bareWordsShown(client: Client): Promise<string[]> {
  const kinds = (await discoverKinds(client.transport)).filter(({ verbs }) => verbs.includes('list'))
  const lists = await Promise.all(
    kinds.map(async (kind) => {
      try {
        return (await client.resource<KubeObject>(kind).list()).items
      } catch (error) {
        // A kind that is worked out, not stored, may lack its source in a test.
        if (isReason(error, 'NotFound', 'MethodNotAllowed')) return []
        throw error
      }
    }),
  )
  return lists.flatMap((items) => items.flatMap(bareWordsOf))
}
