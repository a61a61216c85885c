import type { FieldError } from '../error.ts'
import { parseMac, unfitMac } from '../mac.ts'
import type { Disk } from './disk.ts'
import { checkDownward } from './downward.ts'
import { checkSerials } from './disk-serials.ts'
import { claimNameOf, isHotpluggable } from './hot-plug.ts'
import type { Interface } from './interface.ts'
import type { VirtualMachineInstanceSpec } from './virtual-machine-instance-spec.ts'
import { volumeSources } from './volume.ts'

const buses = {
  disk: ['virtio', 'sata', 'scsi', 'usb'],
  cdrom: ['sata', 'scsi', 'usb', 'ide'],
  lun: ['scsi', 'sata', 'virtio'],
} as const
const caches = ['none', 'writeback', 'writethrough']
const ioModes = ['native', 'threads', 'io_uring', 'default']
const models = ['virtio', 'virtio-non-transitional', 'e1000', 'e1000e', 'igb', 'ne2k_pci', 'pcnet', 'rtl8139']
const bindings = ['bridge', 'masquerade', 'sriov', 'slirp', 'macvtap', 'passt', 'passtBinding', 'binding'] as const

/** What is wrong with the disks and volumes of a machine. @param at path of the spec, such as `spec.template.spec` */
export function checkDisks(spec: VirtualMachineInstanceSpec, at: string): FieldError[] {
  const disks = spec.domain.devices.disks ?? []
  const volumes = spec.volumes ?? []
  const volumeNames = new Set(volumes.map(({ name }) => name))
  return [
    ...duplicates(disks, `${at}.domain.devices.disks`),
    ...duplicates(volumes, `${at}.volumes`),
    ...disks.flatMap((disk, index) => checkDisk(disk, volumeNames, `${at}.domain.devices.disks[${index}]`)),
    ...volumes.flatMap((volume, index) => {
      const given = volumeSources.filter((source) => volume[source] !== undefined)
      if (given.length === 1) return []
      const found = given.length === 0 ? 'there is none' : `there are ${given.join(' and ')}`
      return [{ field: `${at}.volumes[${index}]`, message: `give exactly one source of the volume; ${found}` }]
    }),
    ...checkSerials(disks, `${at}.domain.devices.disks`),
    ...checkCloudInit(spec, at),
    ...checkFileDisks(spec, at),
    ...checkMedia(spec, at),
    ...checkClaims(spec, at),
    ...checkBootOrder(spec, at),
  ]
}

function checkDisk(disk: Disk, volumes: Set<string>, at: string): FieldError[] {
  const errors: FieldError[] = []
  const targets = (['disk', 'cdrom', 'lun'] as const).filter((target) => disk[target] !== undefined)
  if (targets.length > 1)
    errors.push({ field: at, message: `is to be one of disk, cdrom and lun, not ${targets.join(' and ')}` })
  for (const target of targets) {
    const bus = disk[target]?.bus
    if (bus && !(buses[target] as readonly string[]).includes(bus))
      errors.push(notOneOf(`${at}.${target}.bus`, bus, buses[target]))
  }
  if (!volumes.has(disk.name)) {
    if (!disk.cdrom)
      errors.push({
        field: `${at}.name`,
        message: `there is no volume ${JSON.stringify(disk.name)}; add it to volumes or remove the disk`,
        reason: 'FieldValueNotFound',
      })
    else if ((disk.cdrom.bus ?? 'sata') !== 'sata')
      errors.push({ field: `${at}.cdrom.bus`, message: 'empty cd-rom device should connect via SATA bus' })
  }
  if (disk.cache && !caches.includes(disk.cache)) errors.push(notOneOf(`${at}.cache`, disk.cache, caches))
  if (disk.io && !ioModes.includes(disk.io)) errors.push(notOneOf(`${at}.io`, disk.io, ioModes))
  if (disk.shareable && disk.cache && disk.cache !== 'none')
    errors.push({
      field: `${at}.cache`,
      message: `disk ${disk.name} cannot be shareable: a shareable disk requires cache mode none, got ${disk.cache}`,
    })
  return errors
}

/** What a drive's medium and its place demand of it. */
function checkMedia(spec: VirtualMachineInstanceSpec, at: string): FieldError[] {
  const { disks = [] } = spec.domain.devices
  const first = Math.min(...disks.map(({ bootOrder }) => bootOrder ?? Infinity))
  return disks.flatMap((disk, index): FieldError[] => {
    const field = `${at}.domain.devices.disks[${index}]`
    const volume = spec.volumes?.find(({ name }) => name === disk.name)
    const errors: FieldError[] = []
    const { cdrom } = disk
    if (cdrom && volume && isHotpluggable(volume) && (cdrom.bus ?? 'sata') !== 'sata')
      errors.push({ field: `${field}.cdrom.bus`, message: 'hotpluggable cd-rom volume should connect via SATA bus' })
    if (!disk.shareable) return errors
    const cannot = (why: string): void =>
      void errors.push({ field: `${field}.shareable`, message: `disk ${disk.name} cannot be shareable: ${why}` })
    if (disk.bootOrder !== undefined && disk.bootOrder === first)
      cannot('a shareable disk cannot be used as the boot disk')
    if (volume && claimNameOf(volume) === undefined) cannot('must be backed by a persistent volume claim')
    return errors
  })
}

function checkCloudInit(spec: VirtualMachineInstanceSpec, at: string): FieldError[] {
  return (spec.volumes ?? []).flatMap((volume, index) =>
    (['cloudInitNoCloud', 'cloudInitConfigDrive'] as const).flatMap((source): FieldError[] => {
      const cloudInit = volume[source]
      if (!cloudInit) return []
      const field = `${at}.volumes[${index}].${source}`
      const user = [cloudInit.userData, cloudInit.userDataBase64, cloudInit.secretRef?.name].filter(Boolean)
      const network = [cloudInit.networkData, cloudInit.networkDataBase64, cloudInit.networkDataSecretRef?.name]
      if (user.length > 1) return [{ field, message: 'give only one of userData, userDataBase64 and secretRef' }]
      if (network.filter(Boolean).length > 1)
        return [{ field, message: 'give only one of networkData, networkDataBase64 and networkDataSecretRef' }]
      if (user.length + network.filter(Boolean).length === 0)
        return [{ field, message: 'give userData, userDataBase64, secretRef or network data' }]
      return []
    }),
  )
}

/** The disks that are made of files: sysprep's answer file, and what the machine says of itself. */
function checkFileDisks(spec: VirtualMachineInstanceSpec, at: string): FieldError[] {
  return (spec.volumes ?? []).flatMap(({ sysprep, downwardAPI }, index): FieldError[] => {
    const field = `${at}.volumes[${index}]`
    if (sysprep && (sysprep.configMap?.name ? 1 : 0) + (sysprep.secret?.name ? 1 : 0) !== 1)
      return [{ field: `${field}.sysprep`, message: 'give either a configMap or a secret, by its name' }]
    return downwardAPI ? checkDownward(downwardAPI.fields ?? [], `${field}.downwardAPI`) : []
  })
}

function checkClaims(spec: VirtualMachineInstanceSpec, at: string): FieldError[] {
  const seen = new Map<string, string>()
  return (spec.volumes ?? []).flatMap((volume, index): FieldError[] => {
    const claim = volume.persistentVolumeClaim?.claimName ?? volume.ephemeral?.persistentVolumeClaim?.claimName
    if (claim === undefined) return []
    const other = seen.get(claim)
    seen.set(claim, volume.name)
    if (other === undefined) return []
    return [
      {
        field: `${at}.volumes[${index}]`,
        message: `the claim ${claim} is already used by the volume ${other}; use another claim`,
        reason: 'FieldValueDuplicate',
      },
    ]
  })
}

function checkBootOrder(spec: VirtualMachineInstanceSpec, at: string): FieldError[] {
  const { disks = [], interfaces = [] } = spec.domain.devices
  const at2 = `${at}.domain.devices`
  const ordered = [
    ...disks.map((disk, index) => ({ order: disk.bootOrder, field: `${at2}.disks[${index}].bootOrder` })),
    ...interfaces.map((card, index) => ({ order: card.bootOrder, field: `${at2}.interfaces[${index}].bootOrder` })),
  ]
  const seen = new Set<number>()
  return ordered.flatMap(({ order, field }) => {
    if (order === undefined) return []
    if (order < 1) return [{ field, message: 'must be 1 or more' }]
    if (seen.has(order)) return [{ field, message: `${order} is taken by another device; give each its own` }]
    seen.add(order)
    return []
  })
}

/** What is wrong with the network cards and networks of a machine. @param at path of the spec */
export function checkInterfaces(spec: VirtualMachineInstanceSpec, at: string): FieldError[] {
  const cards = spec.domain.devices.interfaces ?? []
  const networks = spec.networks ?? []
  const cardNames = new Set(cards.map(({ name }) => name))
  const errors: FieldError[] = [
    ...duplicates(cards, `${at}.domain.devices.interfaces`),
    ...duplicates(networks, `${at}.networks`),
  ]
  const macs = new Set<string>()
  for (const [index, card] of cards.entries()) {
    const field = `${at}.domain.devices.interfaces[${index}]`
    errors.push(...checkInterface(card, field))
    if (!networks.some(({ name }) => name === card.name))
      errors.push({
        field: `${field}.name`,
        message: `there is no network ${JSON.stringify(card.name)}; add it to networks or remove the interface`,
        reason: 'FieldValueNotFound',
      })
    const address = macOf(card)
    if (address && macs.has(address))
      errors.push({
        field: `${field}.macAddress`,
        message: `${address} is used by another interface of this machine`,
        reason: 'FieldValueDuplicate',
      })
    if (address) macs.add(address)
  }
  for (const [index, network] of networks.entries()) {
    const field = `${at}.networks[${index}]`
    const given = (['pod', 'multus', 'resourceClaim'] as const).filter((source) => network[source] !== undefined)
    if (given.length !== 1) errors.push({ field, message: 'give exactly one of pod and multus' })
    if (!cardNames.has(network.name))
      errors.push({
        field: `${field}.name`,
        message: `no interface is called ${JSON.stringify(network.name)}; add one or remove the network`,
        reason: 'FieldValueNotFound',
      })
  }
  if (networks.filter(({ pod }) => pod !== undefined).length > 1)
    errors.push({ field: `${at}.networks`, message: 'at most one network can be the pod network' })
  return errors
}

/** A card's address in its canonical form; undefined without one, or when what stands there is none. */
function macOf(card: Interface): string | undefined {
  try {
    return card.macAddress === undefined ? undefined : parseMac(card.macAddress)
  } catch {
    return undefined
  }
}

function checkInterface(card: Interface, at: string): FieldError[] {
  const errors: FieldError[] = []
  if (!/^[A-Za-z0-9_-]+$/.test(card.name))
    errors.push({ field: `${at}.name`, message: "use letters, digits, '-' and '_'" })
  const given = bindings.filter((binding) => card[binding] !== undefined)
  if (given.length > 1) errors.push({ field: at, message: `choose one binding, not ${given.join(' and ')}` })
  if (card.model && !models.includes(card.model)) errors.push(notOneOf(`${at}.model`, card.model, models))
  const address = macOf(card)
  const unfit = address === undefined ? undefined : unfitMac(address)
  if (unfit !== undefined) errors.push({ field: `${at}.macAddress`, message: unfit })
  for (const [index, port] of (card.ports ?? []).entries())
    if (port.port < 1 || port.port > 65535)
      errors.push({ field: `${at}.ports[${index}].port`, message: 'must be between 1 and 65535' })
    else if (port.protocol && !['TCP', 'UDP'].includes(port.protocol))
      errors.push(notOneOf(`${at}.ports[${index}].protocol`, port.protocol, ['TCP', 'UDP']))
  return errors
}

function duplicates(items: { name: string }[], at: string): FieldError[] {
  const seen = new Set<string>()
  return items.flatMap(({ name }, index): FieldError[] => {
    const field = `${at}[${index}].name`
    if (!name) return [{ field, message: 'give a name', reason: 'FieldValueRequired' }]
    if (seen.has(name))
      return [
        {
          field,
          message: `${JSON.stringify(name)} is there twice; names must differ`,
          reason: 'FieldValueDuplicate',
        },
      ]
    seen.add(name)
    return []
  })
}

/** A value that is none of those supported. */
export function notOneOf(field: string, value: string, supported: readonly string[]): FieldError {
  return {
    field,
    message: `${JSON.stringify(value)} is not supported: use ${supported.join(', ')}`,
    reason: 'FieldValueNotSupported',
  }
}
