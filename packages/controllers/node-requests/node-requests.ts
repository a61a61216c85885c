import { Node } from '@thresher/api/core/node'
import { Pod } from '@thresher/api/core/pod'
import { isReason } from '@thresher/api/error'
import { podRequestsAnnotation } from '@thresher/api/names'
import { formatBytes, formatCpu } from '@thresher/api/quantity'
import { watch, type Controller } from '@thresher/client/controller'
import { subjectIs } from '@thresher/client/subject'
import { requestsOf, type Amounts } from '../scheduler/resources.ts'

/** A node is written for this at most so often: its pods come and go together. */
const paceMs = 5_000

/** Writes on each node what its pods ask for, where Harvester's clients read how much of the node is taken. */
export function nodeRequestsController(): Controller {
  const written = new Map<string, number>()
  return {
    name: 'node-requests',
    subject: subjectIs(Node),
    watches: [
      watch(Node, (node, _, { type }) => {
        const name = node.metadata.name ?? ''
        if (type === 'deleted') written.delete(name)
        return type === 'added' ? [name] : []
      }),
      watch(Pod, (pod) => (pod.spec.nodeName ? [pod.spec.nodeName] : []), { node: (pod) => [pod.spec.nodeName ?? ''] }),
    ],
    async reconcile(key, context) {
      const node = context.objects(Node).get(key)
      if (!node || node.metadata.deletionTimestamp) return
      const text = requestsText(context.objects(Pod).byIndex('node', key))
      if (node.metadata.annotations?.[podRequestsAnnotation] === text) return
      const restMs = (written.get(key) ?? 0) + paceMs - context.now().getTime()
      if (restMs > 0) return { afterMs: restMs }
      written.set(key, context.now().getTime())
      try {
        await context.objects(Node).patch(node, { metadata: { annotations: { [podRequestsAnnotation]: text } } })
      } catch (error) {
        if (!isReason(error, 'NotFound')) throw error
      }
    },
  }
}

/** What pods that have not ended ask for, as JSON. Pure. */
export function requestsText(pods: readonly Pod[]): string {
  const sum: Record<string, number> = { cpu: 0, memory: 0, pods: 0 }
  for (const pod of pods) {
    if (pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') continue
    for (const [name, amount] of Object.entries(requestsOf(pod))) sum[name] = (sum[name] ?? 0) + amount
  }
  return JSON.stringify(written(sum))
}

function written(sum: Amounts): Record<string, string> {
  const write = (name: string, amount: number): string => {
    if (name === 'cpu') return formatCpu(amount)
    return name === 'memory' || name.endsWith('storage') ? formatBytes(amount) : String(amount)
  }
  return Object.fromEntries(
    Object.keys(sum)
      .toSorted()
      .map((name) => [name, write(name, sum[name] ?? 0)]),
  )
}
