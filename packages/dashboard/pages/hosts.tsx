import { Progress, ProgressMeasureLocation, ProgressSize } from '@patternfly/react-core'
import { Node } from '@thresher/api/core/node'
import { Pod } from '@thresher/api/core/pod'
import { parseBytes, parseCpu } from '@thresher/api/quantity'
import type { KubeObject } from '@thresher/api/meta'
import { loadOf, roleNames } from '../overview/capacity.ts'
import { useList } from '../live/connection.ts'
import { StateLabel, textColumn } from '../page/columns.tsx'
import { definePage, type Action } from '../page/page.ts'
import { hostState } from './host-state.ts'
import { useTexts } from '../text/text.ts'

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
})

/** How much of a host is promised to what runs on it. */
export function HostLoad({ node }: { node: Node }) {
  const texts = useTexts()
  const { objects } = useList<Pod>(Pod)
  const load = loadOf(node, objects)
  const bar = (label: string, used: number, total: number, text: string) => (
    <Progress
      title={label}
      value={total > 0 ? Math.min(100, (used / total) * 100) : 0}
      label={text}
      valueText={text}
      measureLocation={ProgressMeasureLocation.top}
      size={ProgressSize.sm}
      variant={total > 0 && used / total > 0.9 ? 'warning' : undefined}
    />
  )
  return (
    <div className="th-load">
      {bar(
        texts.t('cpus'),
        load.cpuUsed,
        load.cpu,
        texts.t('ofTotal', { used: load.cpuUsed / 1000, total: load.cpu / 1000 }),
      )}
      {bar(
        texts.t('memory'),
        load.memoryUsed,
        load.memory,
        texts.t('ofTotal', { used: texts.bytes(load.memoryUsed), total: texts.bytes(load.memory) }),
      )}
    </div>
  )
}
