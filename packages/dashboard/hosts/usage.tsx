import type { Node } from '@thresher/api/core/node'
import { UsagePanel } from '../usage/usage-panel.tsx'
import { capacityOf } from '../overview/capacity.ts'

/** What a host has used lately. */
export function HostUsage({ node }: { node: Node }) {
  return <UsagePanel of={{ host: node.metadata.name ?? '' }} totals={capacityOf([node])} />
}

/** What all hosts together have used lately. */
export function ClusterUsage({ nodes }: { nodes: readonly Node[] }) {
  return <UsagePanel of="cluster" totals={capacityOf(nodes)} />
}
