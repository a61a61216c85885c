import { ClusterRoleBinding } from '@thresher/api/rbac/cluster-role-binding'
import { ClusterRole } from '@thresher/api/rbac/cluster-role'
import { textColumn } from '../page/columns.tsx'
import { definePage } from '../page/page.ts'

export const roleBindings = definePage<ClusterRoleBinding>({
  kind: ClusterRoleBinding,
  help: 'roleBindingsHelp',
  command: 'kubectl create clusterrolebinding team-a --clusterrole=view --group=team-a',
  columns: [
    textColumn('role', 'role', ({ roleRef }) => roleRef.name),
    textColumn('subjects', 'subjects', ({ subjects }) =>
      (subjects ?? []).map(({ kind, name }) => `${kind} ${name}`).join(', '),
    ),
  ],
  hidden: ({ metadata }) => metadata.name?.startsWith('system:') ?? false,
  draft: () => ({
    metadata: { name: '' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: '' }],
  }),
  fields: [
    { path: 'metadata.name', label: 'name', type: 'text', required: true },
    { path: 'roleRef.name', label: 'role', type: 'select', required: true, reference: ClusterRole },
    {
      path: 'subjects[0].kind',
      label: 'subjectKind',
      type: 'select',
      required: true,
      options: [
        { value: 'Group', label: 'Group' },
        { value: 'User', label: 'User' },
      ],
    },
    { path: 'subjects[0].name', label: 'subjectName', type: 'text', required: true, help: 'subjectHelp' },
  ],
})
