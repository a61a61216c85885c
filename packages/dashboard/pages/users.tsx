import { User } from '@thresher/api/auth/user'
import { StateLabel, textColumn } from '../page/columns.tsx'
import { definePage } from '../page/page.ts'

export const users = definePage<User>({
  kind: User,
  help: 'usersHelp',
  command: 'kubectl get users.auth.thresher.io',
  columns: [
    textColumn('display', 'displayName', ({ spec }) => spec?.displayName),
    textColumn('groups', 'groups', ({ spec }) => (spec?.groups ?? []).join(', ')),
    {
      id: 'state',
      title: 'status',
      value: ({ spec }) => (spec?.disabled ? 'Disabled' : 'Active'),
      cell: ({ spec }, { texts }) => (
        <StateLabel
          state={spec?.disabled ? 'Disabled' : 'Active'}
          tone={spec?.disabled ? 'off' : 'success'}
          texts={texts}
        />
      ),
    },
  ],
  draft: () => ({
    metadata: { name: '' },
    spec: { displayName: '', groups: [], mustChangePassword: true, password: '' },
  }),
  fields: [
    { path: 'metadata.name', label: 'userName', type: 'text', required: true },
    { path: 'spec.displayName', label: 'displayName', type: 'text' },
    { path: 'spec.password', label: 'password', type: 'password', help: 'passwordRule' },
    { path: 'spec.groups', label: 'groups', type: 'lines', help: 'groupsHelp' },
    { path: 'spec.mustChangePassword', label: 'mustChange', type: 'switch' },
    { path: 'spec.disabled', label: 'disabled', type: 'switch' },
  ],
})
