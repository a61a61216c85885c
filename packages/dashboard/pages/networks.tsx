import { NetworkAttachmentDefinition } from '@thresher/api/cni/network-attachment-definition'
import { textColumn } from '../page/columns.tsx'
import { definePage } from '../page/page.ts'

/** What the network's configuration says; it is JSON in a text. */
function configOf(network: NetworkAttachmentDefinition): Record<string, unknown> {
  try {
    const config: unknown = JSON.parse(network.spec?.config ?? '{}')
    return typeof config === 'object' && config !== null ? (config as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

export const networks = definePage<NetworkAttachmentDefinition>({
  kind: NetworkAttachmentDefinition,
  help: 'networksHelp',
  command: 'kubectl apply -f network.yaml',
  columns: [
    textColumn('type', 'type', ({ metadata }) => metadata.labels?.['network.harvesterhci.io/type']),
    textColumn('vlan', 'vlan', (network) => (configOf(network)['vlan'] as number | undefined) || undefined),
    textColumn(
      'cluster',
      'clusterNetwork',
      ({ metadata }) => metadata.labels?.['network.harvesterhci.io/clusternetwork'],
    ),
  ],
  draft: (namespace) => ({
    metadata: { name: '', namespace },
    spec: {
      config: JSON.stringify({
        cniVersion: '0.3.1',
        name: 'vlan100',
        type: 'bridge',
        bridge: 'mgmt-br',
        promiscMode: true,
        vlan: 100,
        ipam: {},
      }),
    },
  }),
  fields: [
    { path: 'metadata.name', label: 'name', type: 'text', required: true },
    { path: 'spec.config', label: 'networkConfig', type: 'area', required: true, help: 'networkConfigHelp' },
  ],
})
