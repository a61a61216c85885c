import { Namespace } from '@thresher/api/core/namespace'
import { StateLabel } from '../page/columns.tsx'
import { definePage } from '../page/page.ts'

export const namespaces = definePage<Namespace>({
  kind: Namespace,
  help: 'namespacesHelp',
  command: 'kubectl create namespace team-a',
  columns: [
    {
      id: 'state',
      title: 'status',
      value: ({ status }) => status?.phase,
      cell: ({ status }, { texts }) => {
        const phase = status?.phase ?? 'Active'
        return <StateLabel state={phase} tone={phase === 'Active' ? 'success' : 'warning'} texts={texts} />
      },
    },
  ],
  draft: () => ({ metadata: { name: '' }, spec: {} }),
  fields: [
    { path: 'metadata.name', label: 'name', type: 'text', required: true },
    { path: 'metadata.labels', label: 'labels', type: 'map' },
  ],
})
