import type { KubeObject } from '../meta.ts'
import { formatBytes } from '../quantity.ts'
import type { Disk } from './disk.ts'
import { guestMemoryBytes } from './guest-memory.ts'
import type { VirtualMachineInstanceSpec } from './virtual-machine-instance-spec.ts'

/** Complete one run's spec: a disk for each volume, a network card on the management network, the guest's memory. */
export function fillInstanceDefaults(instance: KubeObject & { spec: VirtualMachineInstanceSpec }): void {
  const { spec } = instance
  if (!isObject(spec) || !isObject(spec.domain) || !isObject(spec.domain.devices)) return
  fillMachine(spec)
  fillDisks(spec)
  fillInterfaces(spec)
  try {
    const bytes = guestMemoryBytes(spec.domain, instance.metadata.annotations)
    if (bytes !== undefined && bytes > 0) (spec.domain.memory ??= {}).guest ??= formatBytes(bytes)
  } catch {
    // The amount is no quantity: validation says so, with the field.
  }
}

/** What both a virtual machine's template and its runs get: q35, one CPU, migration on eviction. */
export function fillMachine(spec: VirtualMachineInstanceSpec): void {
  const { domain } = spec
  const machine = (domain.machine ??= {})
  if (isObject(machine)) machine.type ||= 'q35'
  const cpu = (domain.cpu ??= {})
  if (isObject(cpu)) {
    cpu.sockets ??= 1
    cpu.cores ??= 1
    cpu.threads ??= 1
  }
  spec.evictionStrategy ??= 'LiveMigrateIfPossible'
}

function fillDisks(spec: VirtualMachineInstanceSpec): void {
  const { devices } = spec.domain
  if (!Array.isArray(spec.volumes)) return
  const disks: Disk[] = Array.isArray(devices.disks) ? devices.disks : []
  const named = new Set([...disks, ...(devices.filesystems ?? [])].map(({ name }) => name))
  for (const volume of spec.volumes)
    if (isObject(volume) && !named.has(volume.name) && !volume.memoryDump && !volume.downwardMetrics)
      disks.push({ name: volume.name })
  for (const disk of disks.filter(isObject)) {
    if (disk.cdrom) {
      disk.cdrom.bus ??= 'sata'
      disk.cdrom.readonly ??= true
    } else if (disk.lun) disk.lun.bus ??= 'scsi'
    else (disk.disk ??= {}).bus ??= 'virtio'
  }
  if (disks.length > 0) devices.disks = disks
}

const bindings = ['bridge', 'masquerade', 'sriov', 'slirp', 'macvtap', 'passt', 'passtBinding', 'binding'] as const

function fillInterfaces(spec: VirtualMachineInstanceSpec): void {
  const { devices } = spec.domain
  if (devices.autoattachPodInterface !== false && !devices.interfaces?.length && !spec.networks?.length) {
    devices.interfaces = [{ name: 'default', masquerade: {} }]
    spec.networks = [{ name: 'default', pod: {} }]
  }
  for (const card of Array.isArray(devices.interfaces) ? devices.interfaces : []) {
    if (!isObject(card)) continue
    card.model ??= 'virtio'
    if (bindings.some((binding) => card[binding] !== undefined)) continue
    const network = spec.networks?.find(({ name }) => name === card.name)
    if (network?.multus) card.bridge = {}
    else card.masquerade = {}
  }
}

function isObject<T>(value: T): value is T & object {
  return typeof value === 'object' && value !== null
}
