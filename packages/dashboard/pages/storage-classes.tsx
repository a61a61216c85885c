import { StorageClass } from '@thresher/api/storage/storage-class'
import { textColumn } from '../page/columns.tsx'
import { definePage } from '../page/page.ts'

const isDefault = 'storageclass.kubernetes.io/is-default-class'

export const storageClasses = definePage<StorageClass>({
  kind: StorageClass,
  help: 'storageClassesHelp',
  command: 'kubectl get storageclasses',
  columns: [
    textColumn('provisioner', 'driver', ({ provisioner }) => provisioner),
    {
      id: 'default',
      title: 'isDefault',
      value: ({ metadata }) => (metadata.annotations?.[isDefault] === 'true' ? 1 : 0),
      cell: ({ metadata }, { texts }) => texts.t(metadata.annotations?.[isDefault] === 'true' ? 'yes' : 'no'),
    },
    textColumn('binding', 'binding', ({ volumeBindingMode }) => volumeBindingMode, true),
    textColumn('reclaim', 'reclaimPolicy', ({ reclaimPolicy }) => reclaimPolicy, true),
    textColumn(
      'expand',
      'parameters',
      ({ parameters }) =>
        Object.entries(parameters ?? {})
          .map((pair) => pair.join('='))
          .join(', '),
      true,
    ),
  ],
})
