import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import { imageIdAnnotation } from '@thresher/api/names'
import { parseBytes } from '@thresher/api/quantity'
import { StorageClass } from '@thresher/api/storage/storage-class'
import { hrefOf } from '../app/route.ts'
import { StateLabel, bytesColumn, textColumn, type Tone } from '../page/columns.tsx'
import { declaredAction } from '../page/declared-action.ts'
import { definePage, type Tools } from '../page/page.ts'

const tones: Record<string, Tone> = { Bound: 'success', Pending: 'info', Lost: 'danger' }

/** Which machine uses a claim, by `namespace/name` of the claim; worked out once for the machines as they are. */
const users = new WeakMap<Tools, Map<string, string>>()

function machineOf({ metadata }: PersistentVolumeClaim, tools: Tools): string | undefined {
  let known = users.get(tools)
  if (!known) {
    known = new Map()
    for (const machine of tools.all<VirtualMachine>(VirtualMachine))
      for (const { persistentVolumeClaim } of machine.spec.template.spec.volumes ?? [])
        if (persistentVolumeClaim)
          known.set(`${machine.metadata.namespace}/${persistentVolumeClaim.claimName}`, machine.metadata.name ?? '')
    users.set(tools, known)
  }
  return known.get(`${metadata.namespace}/${metadata.name}`)
}

function imageOf(claim: PersistentVolumeClaim, tools: Tools): string | undefined {
  const id = claim.metadata.annotations?.[imageIdAnnotation]
  return id && (tools.find<VirtualMachineImage>(VirtualMachineImage, id)?.spec.displayName ?? id)
}

export const volumes = definePage<PersistentVolumeClaim>({
  kind: PersistentVolumeClaim,
  help: 'volumesHelp',
  command: 'kubectl get pvc -A',
  related: [VirtualMachineImage, VirtualMachine],
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
      cell: (claim, tools) => {
        const machine = machineOf(claim, tools)
        return machine ? <a href={hrefOf(['machines', claim.metadata.namespace, machine])}>{machine}</a> : '—'
      },
    },
    { id: 'image', title: 'image', value: imageOf, wide: true },
    textColumn('class', 'storageClass', ({ spec }) => spec.storageClassName, true),
  ],
  actions: [
    declaredAction(PersistentVolumeClaim, 'snapshot', 'takeSnapshot', {
      right: { verb: 'create', group: 'snapshot.storage.k8s.io', resource: 'volumesnapshots' },
      confirm: 'snapshotVolumeConfirm',
      ask: { label: 'name', value: ({ metadata }) => `${metadata.name}-snapshot` },
    }),
    declaredAction(PersistentVolumeClaim, 'clone', 'clone', {
      right: { verb: 'create', resource: 'persistentvolumeclaims' },
      confirm: 'cloneVolumeConfirm',
      ask: { label: 'name', value: ({ metadata }) => `${metadata.name}-copy` },
    }),
    declaredAction(PersistentVolumeClaim, 'export', 'exportImage', {
      right: { verb: 'create', group: 'harvesterhci.io', resource: 'virtualmachineimages' },
      confirm: 'exportConfirm',
      field: 'displayName',
      ask: { label: 'name', value: ({ metadata }) => metadata.name ?? '' },
    }),
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
