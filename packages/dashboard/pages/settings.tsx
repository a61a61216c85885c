import { Setting } from '@thresher/api/harvester/setting'
import { settingNamed } from '@thresher/api/harvester/settings/table'
import { textColumn } from '../page/columns.tsx'
import { definePage } from '../page/page.ts'

const about = ({ metadata }: Setting) => settingNamed(metadata.name ?? '')?.about

export const settings = definePage<Setting>({
  kind: Setting,
  help: 'settingsHelp',
  command: 'kubectl get settings.harvesterhci.io',
  deletable: false,
  aged: false,
  columns: [
    { id: 'about', title: 'meaning', value: about, share: 3 },
    textColumn('value', 'value', (setting) => setting.value || setting.default, false, 2),
    {
      id: 'changed',
      title: 'changed',
      value: ({ value }) => (value ? 1 : 0),
      cell: ({ value, default: initial }, { texts }) => texts.t(value && value !== initial ? 'yes' : 'no'),
    },
  ],
  fields: [{ path: 'value', label: 'value', type: 'area', help: 'settingValueHelp' }],
})
