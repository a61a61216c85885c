import { Node } from '@thresher/api/core/node'
import { isReason } from '@thresher/api/error'
import { controlPlaneLabel } from '@thresher/api/names'
import type { Objects } from '@thresher/apiserver/auth/objects'

/**
 * Mark the node on this server's host as one that manages the cluster: other hosts look there for the network's databases, so no node
 * may say it of itself. @returns a function that stops it
 */
export function followManagementRole(objects: Objects, node: string, onError: (error: unknown) => void): () => void {
  const mark = async (): Promise<void> => {
    const found = objects.get<Node>(Node, '', node)
    if (!found || found.metadata.deletionTimestamp || found.metadata.labels?.[controlPlaneLabel] === 'true') return
    const labels = { ...found.metadata.labels, [controlPlaneLabel]: 'true' }
    await objects.update<Node>(Node, { ...found, metadata: { ...found.metadata, labels } })
  }
  return objects.follow<Node>(Node, (change) => {
    if (change.name !== node) return
    setImmediate(() => {
      mark().catch((error: unknown) => {
        if (!isReason(error, 'Conflict', 'NotFound')) onError(error)
      })
    })
  })
}
