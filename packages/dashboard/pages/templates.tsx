import { VirtualMachineTemplate } from '@thresher/api/harvester/virtual-machine-template'
import { textColumn } from '../page/columns.tsx'
import { definePage } from '../page/page.ts'

export const templates = definePage<VirtualMachineTemplate>({
  kind: VirtualMachineTemplate,
  help: 'templatesHelp',
  command: 'kubectl get virtualmachinetemplates.harvesterhci.io -A',
  columns: [
    textColumn('description', 'description', ({ spec }) => spec?.description),
    textColumn('version', 'defaultVersion', ({ spec, status }) => status?.defaultVersion ?? spec?.defaultVersionId),
  ],
  draft: (namespace) => ({ metadata: { name: '', namespace }, spec: { description: '' } }),
  fields: [
    { path: 'metadata.name', label: 'name', type: 'text', required: true },
    { path: 'spec.description', label: 'description', type: 'area' },
  ],
})
