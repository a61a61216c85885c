import { ClusterNetwork } from '@thresher/api/network/cluster-network'
import { textColumn } from '../page/columns.tsx'
import { definePage } from '../page/page.ts'

/** Where Harvester keeps it. */
const description = 'field.cattle.io/description'

export const clusterNetworks = definePage<ClusterNetwork>({
  kind: ClusterNetwork,
  help: 'clusterNetworksHelp',
  command: 'kubectl get clusternetworks',
  columns: [textColumn('description', 'description', ({ metadata }) => metadata.annotations?.[description])],
  draft: () => ({ metadata: { name: '' } }),
  fields: [
    { path: 'metadata.name', label: 'name', type: 'text', required: true },
    { path: `metadata.annotations[${description}]`, label: 'description', type: 'area' },
  ],
})
