import { setTimeout as delay } from 'node:timers/promises'
import { Lease } from '@thresher/api/coordination/lease'
import { Node } from '@thresher/api/core/node'
import { isReason } from '@thresher/api/error'
import type { Client } from '@thresher/client/client'
import { formatMicroTime } from '@thresher/client/conditions'
import type { Log } from './compute/host.ts'
import { nodeAnnotations, nodeLabels, nodeStatus, type NodeWord } from './node-status.ts'

const leaseNamespace = 'kube-node-lease'
/** How often the node says that it lives, and after how long without a word it counts as lost. */
const renewEveryMs = 10_000
const leaseSeconds = 40
const registerEveryMs = 1000

/** Make the Node or bring it up to date: labels, addresses, capacity, conditions. Taints and others' labels stay. */
export async function writeNode(client: Client, word: NodeWord): Promise<Node> {
  const nodes = client.resource<Node>(Node)
  const labels = nodeLabels(word)
  const annotations = nodeAnnotations(word)
  for (let tries = 0; ; tries++) {
    try {
      const node = await findOrCreate(client, word)
      const { metadata } = node
      const current =
        holds(metadata.labels, labels) && holds(metadata.annotations, annotations)
          ? node
          : await nodes.patch(word.name, undefined, { metadata: { labels, annotations } }, 'merge')
      return await nodes.updateStatus({ ...current, status: nodeStatus(word, current.status) })
    } catch (error) {
      if (!isReason(error, 'Conflict', 'AlreadyExists') || tries >= 5) throw error
    }
  }
}

/** Whether a map has all these values. */
function holds(map: Record<string, string> | undefined, wanted: Record<string, string>): boolean {
  return Object.entries(wanted).every(([key, value]) => map?.[key] === value)
}

/** As {@link writeNode}, again and again until it succeeds: an agent without its API server still has guests to look after. */
export async function registerNode(client: Client, word: () => NodeWord, signal: AbortSignal, log: Log): Promise<Node> {
  for (;;) {
    try {
      return await writeNode(client, word())
    } catch (error) {
      signal.throwIfAborted()
      log('warn', `the node could not be registered: ${(error as Error).message}`)
      await delay(registerEveryMs, undefined, { signal })
    }
  }
}

async function findOrCreate(client: Client, word: NodeWord): Promise<Node> {
  const nodes = client.resource<Node>(Node)
  try {
    return await nodes.get(word.name)
  } catch (error) {
    if (!isReason(error, 'NotFound')) throw error
    return nodes.create({
      metadata: {
        name: word.name,
        labels: nodeLabels(word),
        annotations: nodeAnnotations(word),
      },
      spec: {},
    } as Node)
  }
}

/** Renew the node's lease until the signal aborts. A renewal that fails is tried again with the next. */
export async function renewLease(client: Client, node: Node, signal: AbortSignal, log: Log): Promise<void> {
  let lease: Lease | undefined
  let failing = false
  while (!signal.aborted) {
    try {
      lease = await renew(client, node, lease, signal)
      if (failing) log('info', 'the lease is renewed again')
      failing = false
    } catch (error) {
      if (signal.aborted) return
      if (!failing) log('warn', `the lease could not be renewed: ${(error as Error).message}`)
      failing = true
      lease = undefined
    }
    await delay(renewEveryMs, undefined, { signal, ref: false }).catch(() => {})
  }
}

async function renew(client: Client, node: Node, held: Lease | undefined, signal: AbortSignal): Promise<Lease> {
  const leases = client.resource<Lease>(Lease)
  const name = node.metadata.name ?? ''
  const renewTime = formatMicroTime(new Date())
  const spec = { holderIdentity: name, leaseDurationSeconds: leaseSeconds, renewTime }
  const limit = AbortSignal.any([signal, AbortSignal.timeout(renewEveryMs)])
  if (held) return leases.update({ ...held, spec: { ...held.spec, ...spec } }, { signal: limit })
  try {
    const found = await leases.get(name, leaseNamespace, limit)
    return await leases.update({ ...found, spec: { ...found.spec, ...spec } }, { signal: limit })
  } catch (error) {
    if (!isReason(error, 'NotFound')) throw error
    const owner = { apiVersion: 'v1', kind: 'Node', name, uid: node.metadata.uid ?? '' }
    return leases.create({ metadata: { name, namespace: leaseNamespace, ownerReferences: [owner] }, spec } as Lease, {
      signal: limit,
    })
  }
}
