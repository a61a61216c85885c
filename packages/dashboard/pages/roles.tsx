import { ClusterRole } from '@thresher/api/rbac/cluster-role'
import { textColumn } from '../page/columns.tsx'
import { definePage } from '../page/page.ts'

export const roles = definePage<ClusterRole>({
  kind: ClusterRole,
  help: 'rolesHelp',
  command: 'kubectl create clusterrole viewer --verb=get,list,watch --resource=virtualmachines.kubevirt.io',
  columns: [
    textColumn('rules', 'rules', ({ rules }) => rules?.length ?? 0),
    textColumn(
      'verbs',
      'verbs',
      ({ rules }) => [...new Set((rules ?? []).flatMap(({ verbs }) => verbs))].join(', '),
      true,
    ),
    textColumn('resources', 'resources', ({ rules }) =>
      [...new Set((rules ?? []).flatMap(({ resources = [] }) => resources))].join(', '),
    ),
  ],
  hidden: ({ metadata }) => metadata.name?.startsWith('system:') ?? false,
})
