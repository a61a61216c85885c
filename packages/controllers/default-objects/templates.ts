import { VirtualMachineTemplateVersion } from '@thresher/api/harvester/virtual-machine-template-version'
import { VirtualMachineTemplate } from '@thresher/api/harvester/virtual-machine-template'
import { claimTemplatesAnnotation } from '@thresher/api/kubevirt/claim-templates'
import { defaultObject, type DefaultObject } from './default-object.ts'

const namespace = 'harvester-public'

interface Disk {
  name: string
  size: string
  bus: 'virtio' | 'sata'
  cdrom?: boolean
}

interface Base {
  name: string
  description: string
  cores: number
  memory: string
  disks: Disk[]
  model: 'virtio' | 'e1000'
}

const root = (size: string): Disk => ({ name: 'rootdisk', size, bus: 'virtio' })
const disc = (size: string): Disk => ({ name: 'cdrom-disk', size, bus: 'sata', cdrom: true })
const linux = { cores: 1, memory: '2Gi', model: 'virtio' } as const
// Windows brings no virtio drivers, so its first disk and network card are of kinds that it knows.
const windows = { cores: 2, memory: '4Gi', model: 'e1000' } as const

const bases: Base[] = [
  {
    name: 'iso-image-base',
    description: 'Installs from an ISO image: choose it for the CD-ROM',
    ...linux,
    disks: [disc('10Gi'), root('10Gi')],
  },
  {
    name: 'raw-image-base',
    description: 'Starts from a disk image: choose it for the root disk',
    ...linux,
    disks: [root('10Gi')],
  },
  {
    name: 'windows-iso-image-base',
    description: 'Installs Windows from an ISO image: choose it for the CD-ROM',
    ...windows,
    disks: [disc('20Gi'), { ...root('32Gi'), bus: 'sata' }],
  },
  {
    name: 'windows-raw-image-base',
    description: 'Starts Windows from a disk image: choose it for the root disk',
    ...windows,
    disks: [{ ...root('32Gi'), bus: 'sata' }],
  },
]

/** The templates that every cluster has, each with its first version. */
export const templates: DefaultObject[] = bases.flatMap((base) => [
  defaultObject(VirtualMachineTemplate, {
    metadata: { name: base.name, namespace },
    spec: { description: base.description, defaultVersionId: `${namespace}/${base.name}-version` },
  }),
  defaultObject(VirtualMachineTemplateVersion, {
    metadata: { name: `${base.name}-version`, namespace },
    spec: { templateId: `${namespace}/${base.name}`, description: base.description, vm: machineOf(base) },
  }),
])

function machineOf({ cores, memory, disks, model }: Base) {
  const claims = disks.map(({ name, size }) => ({
    metadata: { name },
    spec: { accessModes: ['ReadWriteMany'], volumeMode: 'Block', resources: { requests: { storage: size } } },
  }))
  return {
    metadata: { annotations: { [claimTemplatesAnnotation]: JSON.stringify(claims) } },
    spec: {
      runStrategy: 'RerunOnFailure' as const,
      template: {
        spec: {
          domain: {
            cpu: { cores },
            memory: { guest: memory },
            devices: {
              disks: disks.map(({ name, bus, cdrom }, index) => ({
                name,
                bootOrder: index + 1,
                ...(cdrom ? { cdrom: { bus } } : { disk: { bus } }),
              })),
              interfaces: [{ name: 'default', masquerade: {}, model }],
              inputs: [{ name: 'tablet', bus: 'usb', type: 'tablet' }],
            },
          },
          networks: [{ name: 'default', pod: {} }],
          volumes: disks.map(({ name }) => ({ name, persistentVolumeClaim: { claimName: name } })),
        },
      },
    },
  }
}
