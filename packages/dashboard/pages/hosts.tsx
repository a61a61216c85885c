import { lazy } from 'react'
import { Node } from '@thresher/api/core/node'
import { Pod } from '@thresher/api/core/pod'
import { parseBytes, parseCpu } from '@thresher/api/quantity'
import type { KubeObject } from '@thresher/api/meta'
import { loadOf, roleNames } from '../overview/capacity.ts'
import { LoadBars } from '../overview/load-bars.tsx'
import { useList } from '../live/connection.ts'
import { StateLabel, textColumn } from '../page/columns.tsx'
import { definePage, type Action } from '../page/page.ts'
import { hostState } from './host-state.ts'

const HostUsage = lazy(() => import('../hosts/usage.tsx').then((file) => ({ default: file.HostUsage })))

const cordon = (id: string, title: Action['title'], unschedulable: boolean, confirm?: Action['confirm']): Action => ({
  id,
  title,
  confirm,
  right: { verb: 'patch', group: '', resource: 'nodes' },
  offered: (node) => ((node as Node).spec?.unschedulable ?? false) !== unschedulable,
  run: ({ metadata }: KubeObject, { client }) =>
    client.resource(Node).patch(metadata.name ?? '', undefined, { spec: { unschedulable } }),
})

export const hosts = definePage<Node>({
  kind: Node,
  help: 'hostsHelp',
  command: './thresher status',
  deletable: false,
  columns: [
    {
      id: 'state',
      title: 'status',
      value: (node) => hostState(node).state,
      cell: (node, { texts }) => <StateLabel {...hostState(node)} texts={texts} />,
    },
    textColumn('roles', 'roles', roleNames, true),
    textColumn('cpu', 'cpus', ({ status }) => parseCpu(status?.capacity?.['cpu'] ?? 0) / 1000),
    {
      id: 'memory',
      title: 'memory',
      value: ({ status }) => parseBytes(status?.capacity?.['memory'] ?? 0),
      cell: ({ status }, { texts }) => texts.bytes(parseBytes(status?.capacity?.['memory'] ?? 0)),
    },
    textColumn(
      'address',
      'address',
      ({ status }) => status?.addresses?.find(({ type }) => type === 'InternalIP')?.address,
    ),
    textColumn('os', 'system', ({ status }) => status?.nodeInfo?.osImage, true),
    textColumn('version', 'version', ({ status }) => status?.nodeInfo?.kubeletVersion, true),
  ],
  actions: [cordon('cordon', 'cordon', true, 'cordonConfirm'), cordon('uncordon', 'uncordon', false)] as Action<Node>[],
  summary: (node) => <HostLoad node={node} />,
  tabs: [{ id: 'usage', title: 'usage', render: (node) => <HostUsage node={node} /> }],
})

/** How much of a host is promised to what runs on it. */
function HostLoad({ node }: { node: Node }) {
  const { objects } = useList<Pod>(Pod)
  return (
    <div className="th-load">
      <LoadBars load={loadOf(node, objects)} />
    </div>
  )
}
