import { matches } from '@thresher/api/matches'
import { UsageValues } from '@thresher/api/metrics/usage'
import { Type } from '@thresher/api/type'
import { UserError } from '../user-error.ts'
import type { Command } from '../command.ts'
import { bytes, columns } from '../output/columns.ts'

const List = Type.Object({
  items: Type.Array(
    Type.Object({
      metadata: Type.Object({ namespace: Type.String(), name: Type.String() }),
      node: Type.String(),
      cpus: Type.Number(),
      guestBytes: Type.Number(),
      rates: Type.Optional(UsageValues),
    }),
  ),
})

/** What the rows may be ordered by; the largest come first. */
const orders = { cpu: 'cpu', memory: 'memory', disk: 'diskWrite', network: 'networkTransmit' } as const

/** `thresher vm top`. */
export const vmTop: Command = {
  path: ['vm', 'top'],
  summary: 'Show what running virtual machines use',
  options: [
    { flags: '-n, --namespace <namespace>', description: 'only this namespace' },
    {
      flags: '--sort <by>',
      description: 'what the largest of comes first',
      default: 'cpu',
      choices: Object.keys(orders),
    },
  ],
  examples: ['thresher vm top --sort memory'],
  async run(context, _args, options) {
    const client = await context.client()
    const namespace = options['namespace'] as string | undefined
    const scope = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`
    const path = `/apis/metrics.thresher.io/v1${scope}/virtualmachines`
    const answer = await client.transport.request<unknown>({ method: 'GET', path })
    if (!matches(List, answer)) throw new UserError('the server answers in a form that this version does not know')
    const by = orders[options['sort'] as keyof typeof orders]
    const rows = answer.items
      .toSorted((a, b) => (b.rates?.[by] ?? 0) - (a.rates?.[by] ?? 0))
      .map(({ metadata, node, cpus, guestBytes, rates }) => [
        metadata.namespace,
        metadata.name,
        rates ? `${(100 * rates.cpu).toFixed(0)}%` : '-',
        String(cpus),
        rates ? bytes(rates.memory) : '-',
        bytes(guestBytes),
        rates ? `${bytes(Math.round(rates.diskRead))}/s` : '-',
        rates ? `${bytes(Math.round(rates.diskWrite))}/s` : '-',
        rates ? `${bytes(Math.round(rates.networkReceive))}/s` : '-',
        rates ? `${bytes(Math.round(rates.networkTransmit))}/s` : '-',
        node,
      ])
    console.log(
      rows.length === 0
        ? 'No virtual machine runs, or none has been measured yet.'
        : columns(
            ['NAMESPACE', 'NAME', 'CPU', 'CPUS', 'MEMORY', 'OF', 'READ', 'WRITE', 'RECEIVE', 'SEND', 'NODE'],
            rows,
          ),
    )
  },
}
