import { ApiError } from '../error.ts'
import type { KubeObject } from '../meta.ts'
import { imageIdAnnotation } from '../names.ts'
import { claimTemplatesAnnotation, parseClaimTemplates } from './claim-templates.ts'
import { isHotpluggable } from './hot-plug.ts'
import type { VirtualMachineSpec } from './virtual-machine.ts'

type Machine = KubeObject & { spec: VirtualMachineSpec }

/** What of an image a CD-ROM is made from. */
export interface CdImage {
  namespace: string
  name: string
  status?: { storageClassName?: string; virtualSize?: number; size?: number }
}

const GiB = 2 ** 30

/** The CD-ROM drives on SATA of a machine: those that an image can be put into, or taken out of, while the guest runs. */
export function cdDrives({ spec }: Machine): { name: string; loaded: boolean; hot: boolean }[] {
  const { volumes = [], domain } = spec.template.spec
  return (domain.devices.disks ?? []).flatMap(({ name, cdrom }) => {
    if (!cdrom || (cdrom.bus ?? 'sata') !== 'sata') return []
    const volume = volumes.find((one) => one.name === name)
    return [{ name, loaded: volume !== undefined, hot: volume !== undefined && isHotpluggable(volume) }]
  })
}

/**
 * The machine with an image in an empty drive: a volume of its own, made from the image. Pure.
 *
 * @param unique tells the volume's claim from those of earlier images in the same drive
 * @throws {ApiError} that names the drive or the image
 */
export function insertCdRom<M extends Machine>(machine: M, device: string, image: CdImage, unique: string): M {
  const drive = driveOf(machine, device)
  if (drive.loaded) throw new ApiError('Conflict', `the CD-ROM drive ${device} is not empty; eject what is in it first`)
  const { storageClassName, virtualSize, size } = image.status ?? {}
  if (!storageClassName || !(virtualSize ?? size))
    throw new ApiError('Conflict', `the image ${image.namespace}/${image.name} is not ready yet; try again when it is`)
  const claimName = `${machine.metadata.name}-${device}-${unique}`
  const claim = {
    metadata: { name: claimName, annotations: { [imageIdAnnotation]: `${image.namespace}/${image.name}` } },
    spec: {
      accessModes: ['ReadWriteMany'],
      volumeMode: 'Block',
      resources: { requests: { storage: `${Math.ceil((virtualSize ?? size ?? 0) / GiB)}Gi` } },
      storageClassName,
    },
  }
  const { spec } = machine.spec.template
  const volume = { name: device, persistentVolumeClaim: { claimName, hotpluggable: true } }
  return change(machine, [...parseClaimTemplates(machine.metadata), claim], [...(spec.volumes ?? []), volume])
}

/**
 * The machine with a drive emptied. Pure.
 *
 * @returns also the claim that was made for the image alone, to be deleted
 * @throws {ApiError} that names the drive
 */
export function ejectCdRom<M extends Machine>(machine: M, device: string): { machine: M; claim: string | undefined } {
  const drive = driveOf(machine, device)
  if (!drive.loaded) throw new ApiError('Conflict', `the CD-ROM drive ${device} is empty`)
  if (!drive.hot)
    throw new ApiError(
      'Conflict',
      `the volume in the CD-ROM drive ${device} is not marked as hotpluggable; take it off the machine's volumes and restart it`,
    )
  const { volumes = [] } = machine.spec.template.spec
  const claimName = volumes.find(({ name }) => name === device)?.persistentVolumeClaim?.claimName
  const templates = parseClaimTemplates(machine.metadata)
  const kept = templates.filter(({ metadata }) => metadata.name !== claimName)
  return {
    machine: change(
      machine,
      kept,
      volumes.filter(({ name }) => name !== device),
    ),
    claim: kept.length < templates.length ? claimName : undefined,
  }
}

function driveOf(machine: Machine, device: string): ReturnType<typeof cdDrives>[number] {
  const drives = cdDrives(machine)
  const drive = drives.find(({ name }) => name === device)
  if (drive) return drive
  const known = drives.map(({ name }) => name).join(', ')
  throw new ApiError(
    'BadRequest',
    `${machine.metadata.name} has no CD-ROM drive ${JSON.stringify(device)} on SATA; ${known ? `use ${known}` : 'add one and restart it'}`,
  )
}

function change<M extends Machine>(
  machine: M,
  claims: unknown[],
  volumes: Machine['spec']['template']['spec']['volumes'],
): M {
  const { template } = machine.spec
  return {
    ...machine,
    metadata: {
      ...machine.metadata,
      annotations: { ...machine.metadata.annotations, [claimTemplatesAnnotation]: JSON.stringify(claims) },
    },
    spec: { ...machine.spec, template: { ...template, spec: { ...template.spec, volumes } } },
  }
}
