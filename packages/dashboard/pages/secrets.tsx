import { Secret } from '@thresher/api/core/secret'
import { textColumn } from '../page/columns.tsx'
import { definePage } from '../page/page.ts'

export const secrets = definePage<Secret>({
  kind: Secret,
  help: 'secretsHelp',
  command: 'kubectl create secret generic access --from-literal=password=…',
  columns: [
    textColumn('type', 'type', ({ type }) => type),
    // Names only: what a secret holds shows in its YAML alone, when someone opens that.
    textColumn('keys', 'keys', ({ data }) => Object.keys(data ?? {}).join(', ')),
  ],
  draft: (namespace) => ({ metadata: { name: '', namespace }, type: 'Opaque', stringData: {} }),
  fields: [
    { path: 'metadata.name', label: 'name', type: 'text', required: true },
    { path: 'type', label: 'type', type: 'text' },
    { path: 'stringData', label: 'values', type: 'map', help: 'secretValuesHelp' },
  ],
})
