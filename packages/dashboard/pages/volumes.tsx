import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import { imageIdAnnotation } from '@thresher/api/names'
import { parseBytes } from '@thresher/api/quantity'
import { StorageClass } from '@thresher/api/storage/storage-class'
import { hrefOf } from '../app/route.ts'
import { StateLabel, bytesColumn, textColumn, type Tone } from '../page/columns.tsx'
import { definePage, type Tools } from '../page/page.ts'

const tones: Record<string, Tone> = { Bound: 'success', Pending: 'info', Lost: 'danger' }

/** The machine whose disk a claim is: its owner. */
function machineOf(claim: PersistentVolumeClaim): string | undefined {
  return claim.metadata.ownerReferences?.find(({ kind }) => kind === VirtualMachine.kind)?.name
}

function imageOf(claim: PersistentVolumeClaim, tools: Tools): string | undefined {
  const id = claim.metadata.annotations?.[imageIdAnnotation]
  return id && (tools.find<VirtualMachineImage>(VirtualMachineImage, id)?.spec.displayName ?? id)
}

export const volumes = definePage<PersistentVolumeClaim>({
  kind: PersistentVolumeClaim,
  help: 'volumesHelp',
  command: 'kubectl get pvc -A',
  related: [VirtualMachineImage],
  columns: [
    {
      id: 'state',
      title: 'status',
      value: ({ status }) => status?.phase,
      cell: ({ status }, { texts }) => {
        const phase = status?.phase ?? 'Pending'
        return <StateLabel state={phase} tone={tones[phase] ?? 'info'} texts={texts} />
      },
    },
    bytesColumn('size', 'size', ({ spec, status }) =>
      bytesOf(status?.capacity?.['storage'] ?? spec.resources?.requests?.['storage']),
    ),
    {
      id: 'machine',
      title: 'usedBy',
      value: machineOf,
      cell: (claim) => {
        const machine = machineOf(claim)
        return machine ? <a href={hrefOf(['machines', claim.metadata.namespace, machine])}>{machine}</a> : '—'
      },
    },
    { id: 'image', title: 'image', value: imageOf, wide: true },
    textColumn('class', 'storageClass', ({ spec }) => spec.storageClassName, true),
  ],
  draft: (namespace) => ({
    metadata: { name: '', namespace },
    spec: { accessModes: ['ReadWriteMany'], volumeMode: 'Block', resources: { requests: { storage: '10Gi' } } },
  }),
  fields: [
    { path: 'metadata.name', label: 'name', type: 'text', required: true },
    {
      path: 'spec.resources.requests.storage',
      label: 'size',
      type: 'text',
      required: true,
      help: 'sizeHelp',
      placeholder: '10Gi',
    },
    {
      path: 'spec.storageClassName',
      label: 'storageClass',
      type: 'select',
      reference: StorageClass,
      help: 'storageClassHelp',
    },
  ],
})

function bytesOf(quantity: string | number | undefined): number | undefined {
  return quantity === undefined ? undefined : parseBytes(quantity)
}
