import { Node } from '@thresher/api/core/node'
import { Pod } from '@thresher/api/core/pod'
import { appLabel, launcherApp } from '@thresher/api/names'
import type { Client } from '@thresher/client/client'
import type { Command } from '../command.ts'
import { columns, duration } from '../output/columns.ts'

/** A host as the cluster sees it. */
export interface NodeSummary {
  name: string
  roles: string[]
  status: string
  address: string
  version: string
  /** Virtual machines that run or start there. */
  machines: number
  ageSeconds: number
}

const role = /^node-role\.kubernetes\.io\/(.+)$/

/** All hosts of the cluster, by name. */
export async function nodeSummaries(client: Client): Promise<NodeSummary[]> {
  const [nodes, pods] = await Promise.all([
    client.resource<Node>(Node).list(),
    client.resource<Pod>(Pod).list({ labelSelector: `${appLabel}=${launcherApp}` }),
  ])
  const running = pods.items.filter(({ status }) => status?.phase !== 'Succeeded' && status?.phase !== 'Failed')
  return nodes.items.map((node) => ({
    name: node.metadata.name ?? '',
    roles: Object.keys(node.metadata.labels ?? {}).flatMap((label) => role.exec(label)?.[1] ?? []),
    status: statusOf(node),
    address: node.status?.addresses?.find(({ type }) => type === 'InternalIP')?.address ?? '-',
    version: node.status?.nodeInfo?.kubeletVersion ?? '-',
    machines: running.filter(({ spec }) => spec.nodeName === node.metadata.name).length,
    ageSeconds: (Date.now() - Date.parse(node.metadata.creationTimestamp ?? '')) / 1000,
  }))
}

function statusOf({ spec, status }: Node): string {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready')?.status
  return `${ready === 'True' ? 'Ready' : 'NotReady'}${spec?.unschedulable ? ',SchedulingDisabled' : ''}`
}

/** The hosts as a table. */
export function nodeTable(nodes: readonly NodeSummary[]): string {
  const rows = nodes.map((node) => [
    node.name,
    node.status,
    node.roles.join(',') || 'worker',
    node.address,
    String(node.machines),
    node.version,
    duration(node.ageSeconds),
  ])
  return columns(['NAME', 'STATUS', 'ROLES', 'ADDRESS', 'VMS', 'VERSION', 'AGE'], rows)
}

/** `thresher node list`. */
export const nodeList: Command = {
  path: ['node', 'list'],
  summary: 'Show the hosts of the cluster',
  options: [
    { flags: '-o, --output <format>', description: 'text or json', default: 'text', choices: ['text', 'json'] },
  ],
  async run(context, _args, options) {
    const nodes = await nodeSummaries(await context.client())
    console.log(options['output'] === 'json' ? JSON.stringify(nodes, null, 2) : nodeTable(nodes))
  },
}
