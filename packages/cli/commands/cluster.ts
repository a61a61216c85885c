import { Node } from '@thresher/api/core/node'
import { controlPlaneLabel } from '@thresher/api/names'
import type { Command } from '../command.ts'
import { nodeSummaries, nodeTable } from './node.ts'

/** `thresher cluster status`. */
export const clusterStatus: Command = {
  path: ['cluster', 'status'],
  summary: 'Show whether the cluster is whole: its servers, its hosts, and what is wrong with each',
  options: [
    { flags: '-o, --output <format>', description: 'text or json', default: 'text', choices: ['text', 'json'] },
  ],
  async run(context, _args, options) {
    const client = await context.client()
    const [nodes, objects] = await Promise.all([nodeSummaries(client), client.resource<Node>(Node).list()])
    const servers = objects.items.flatMap(({ metadata }) =>
      metadata.labels?.[controlPlaneLabel] === 'true' ? (metadata.name ?? '') : [],
    )
    const problems = objects.items.flatMap(problemsOf)
    if (options['output'] === 'json') return console.log(JSON.stringify({ servers, nodes, problems }, null, 2))
    const ready = nodes.filter(({ status }) => status.startsWith('Ready')).length
    console.log(`hosts    ${ready} of ${nodes.length} ready`)
    console.log(`servers  ${servers.join(', ') || 'none marked yet'}`)
    console.log(`VMs      ${nodes.reduce((sum, { machines }) => sum + machines, 0)}`)
    console.log(`\n${nodeTable(nodes)}`)
    if (problems.length > 0) console.log(`\n${problems.join('\n')}`)
  },
}

/** Conditions whose good value is False; all others should be True. */
const pressures = /Pressure$|^NetworkUnavailable$/
/** Emulation is slow, and no fault. */
const notes = new Set(['VirtualizationAccelerated'])

function problemsOf({ metadata, status }: Node): string[] {
  return (status?.conditions ?? [])
    .filter(({ type }) => !notes.has(type))
    .filter(({ type, status: value }) => value !== (pressures.test(type) ? 'False' : 'True'))
    .map(({ type, message }) => `${metadata.name}: ${type}: ${message ?? ''}`)
}
